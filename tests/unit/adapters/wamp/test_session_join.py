"""docs/contract/wamp.md 1.2, 1.3, 1.12: message by message."""

from __future__ import annotations

import asyncio

import pytest

from reagent.errors import AuthenticationRefused, DialFailed
from tests.fakes.clock import settle
from tests.unit.adapters.wamp.conftest import ME, Router
from tests.unit.adapters.wamp.test_cra import CHALLENGE, PLAIN, SALTED

WELCOME: list[object] = [2, 7_000_000_001, {"roles": {"broker": {}, "dealer": {}}}]
CALLS = {
    "call_canceling": True,
    "call_timeout": True,
    "caller_identification": True,
    "progressive_call_results": True,
}


async def joining(router: Router) -> asyncio.Task[None]:
    task = asyncio.create_task(router.session.join(ME))
    await settle()
    return task


async def test_hello_says_who_we_are_and_what_we_can_and_no_more(stranger: Router) -> None:
    task = await joining(stranger)

    assert stranger.sent == [
        [
            1,
            "realm1",
            {
                "authid": "17-4021",
                "authmethods": ["wampcra"],
                "roles": {
                    "publisher": {
                        "features": {
                            "subscriber_blackwhite_listing": True,
                            "publisher_exclusion": True,
                            "publisher_identification": True,
                        }
                    },
                    "subscriber": {
                        "features": {
                            "pattern_based_subscription": True,
                            "publisher_identification": True,
                        }
                    },
                    "callee": {
                        "features": {
                            "pattern_based_registration": True,
                            "shared_registration": True,
                            **CALLS,
                        }
                    },
                    "caller": {"features": CALLS},
                },
            },
        ]
    ]
    stranger.says(WELCOME)
    await task


@pytest.mark.parametrize(("extra", "proof"), [({}, PLAIN), ({"salt": "pepper-01"}, SALTED)])
async def test_a_challenge_is_signed(
    stranger: Router, extra: dict[str, object], proof: str
) -> None:
    task = await joining(stranger)

    stranger.says([4, "wampcra", {"challenge": CHALLENGE, **extra}])

    assert stranger.last == [5, proof, {}]
    stranger.says(WELCOME)
    await task
    assert stranger.session.connected
    assert stranger.session.session_id == 7_000_000_001


async def test_a_challenge_of_another_kind_gets_an_empty_answer(stranger: Router) -> None:
    task = await joining(stranger)

    stranger.says([4, "ticket", {}], [3, {"message": "no"}, "wamp.error.authentication_failed"])

    assert stranger.last == [5, "", {}]
    with pytest.raises(DialFailed):
        await task


async def test_a_bad_signature_is_final(stranger: Router) -> None:
    task = await joining(stranger)

    text = "WAMP-CRA client signature is invalid"
    stranger.says([3, {"message": f"{text}\nask somebody"}, "wamp.error.not_authorized"])

    with pytest.raises(AuthenticationRefused, match=f"device secret: .*{text} ask somebody$"):
        await task


@pytest.mark.parametrize(
    "abort",
    [
        [3, {"message": "no principal with authid"}, "wamp.error.authentication_failed"],
        [3, {}, "wamp.error.no_such_realm"],
        [3, {"message": "try later"}, "wamp.close.system_shutdown"],
        [3, {"message": "your signature is invalid today"}, "wamp.error.not_authorized"],
        [3, {}, "wamp says no"],
    ],
)
async def test_every_other_abort_is_a_failed_dial(stranger: Router, abort: list[object]) -> None:
    task = await joining(stranger)

    stranger.says(abort)

    with pytest.raises(DialFailed, match="wamp"):
        await task
    assert not stranger.session.connected


async def test_a_router_that_says_nothing_is_a_failed_dial(stranger: Router) -> None:
    with pytest.raises(DialFailed, match="answer to HELLO"):
        await stranger.session.join(ME)


async def test_a_router_that_falls_silent_is_a_failed_dial(stranger: Router) -> None:
    task = await joining(stranger)
    stranger.says([4, "wampcra", {"challenge": CHALLENGE}])

    with pytest.raises(DialFailed, match="WELCOME"):
        await task


async def test_a_connection_that_breaks_is_a_failed_dial(stranger: Router) -> None:
    task = await joining(stranger)

    stranger.lose()

    with pytest.raises(DialFailed, match="gone"):
        await task


async def test_a_welcome_without_a_role_is_a_failed_dial(stranger: Router) -> None:
    task = await joining(stranger)

    stranger.says([2, 1, {"roles": {}}])

    with pytest.raises(DialFailed):
        await task


# --- the end


async def test_leaving_says_goodbye_waits_and_closes(router: Router) -> None:
    leaving = asyncio.create_task(router.session.leave(5))
    await settle()

    assert router.sent == [[6, {}, "wamp.close.close_realm"]]
    assert router.session.session_id == 0
    assert not router.session.connected
    router.says([6, {}, "wamp.close.goodbye_and_out"])
    await leaving
    assert router.closed
    assert await router.session.ended() is False


async def test_leaving_a_silent_router_is_bounded(router: Router) -> None:
    async with asyncio.timeout(20):
        await router.session.leave(0.05)

    assert router.aborted


@pytest.mark.parametrize(
    ("reason", "shutdown"),
    [
        ("wamp.close.system_shutdown", True),
        ("wamp.close.killed", False),
        ("wamp.close.close_realm", False),
    ],
)
async def test_a_goodbye_is_answered_and_a_shutdown_told_apart(
    router: Router,
    reason: str,
    shutdown: bool,  # noqa: FBT001 - a table
) -> None:
    router.says([6, {}, reason])

    assert not router.session.connected
    assert await router.session.ended() is shutdown
    await settle()
    assert router.sent == [[6, {}, "wamp.close.goodbye_and_out"]]
    assert router.closed


@pytest.mark.parametrize(("code", "shutdown"), [(1001, True), (1012, True), (1006, False)])
async def test_a_close_code_can_say_shutdown_too(
    router: Router,
    code: int,
    shutdown: bool,  # noqa: FBT001 - a table
) -> None:
    router.lose(code)

    assert await router.session.ended() is shutdown


async def test_an_abort_ends_a_session(router: Router) -> None:
    router.says([3, {"message": "no"}, "wamp.error.protocol_violation"])

    assert not router.session.connected
    assert await router.session.ended() is False
