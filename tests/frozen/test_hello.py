"""From the upgrade request to WELCOME, and GOODBYE, byte by byte (docs/contract/wamp.md 1.1-1.6)."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest

from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from tests.frozen.platform import connected, scripted
from tests.frozen.scripted_router import (
    ABORT,
    AUTHENTICATE,
    CLOSE,
    GOODBYE,
    HELLO,
    PING,
    SESSION,
    Message,
    ScriptedRouter,
    headers_of,
)
from tests.frozen.steps import run_to_end

pytestmark = pytest.mark.timeout(60)

# What an implementation may announce, role by role (docs/contract/wamp.md 1.2).
FEATURES = {
    "publisher": {
        "subscriber_blackwhite_listing",
        "publisher_exclusion",
        "publisher_identification",
        "payload_passthru_mode",
    },
    "subscriber": {
        "pattern_based_subscription",
        "publisher_identification",
        "payload_passthru_mode",
    },
    "callee": {
        "pattern_based_registration",
        "shared_registration",
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "progressive_call_invocations",
        "progressive_call_results",
        "payload_passthru_mode",
    },
    "caller": {
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "progressive_call_invocations",
        "progressive_call_results",
        "payload_passthru_mode",
    },
}

Scripted = tuple[ScriptedRouter, Device]


@pytest.fixture
async def both(cloud: Cloud, program: Program) -> AsyncIterator[Scripted]:
    async with scripted(cloud, program) as pair:
        yield pair


async def test_the_upgrade_offers_json_and_no_compression(both: Scripted) -> None:
    router, device = both

    await device.start()
    await router.came(HELLO)

    request = router.requests[0]
    headers = headers_of(request)
    assert request.startswith("GET /ws-re-dev HTTP/1.1\r\n")
    assert headers["host"] == f"127.0.0.1:{router.port}"
    assert headers["sec-websocket-protocol"].split(",")[0] == "wamp.2.json"
    assert headers["sec-websocket-version"] == "13"
    assert "sec-websocket-extensions" not in headers
    assert "origin" not in headers


async def test_hello_says_who_and_how_and_nothing_else(both: Scripted) -> None:
    router, device = both

    await device.start()
    ((kind, realm, details),) = await router.came(HELLO)

    assert (kind, realm) == (HELLO, "realm1")
    assert isinstance(details, dict)
    assert set(details) == {"authid", "authmethods", "roles"}
    assert details["authid"] == f"{device.identity.swarm_key}-{device.identity.device_key}"
    assert details["authmethods"] == ["wampcra"]
    roles = details["roles"]
    assert set(roles) == set(FEATURES)
    for role, allowed in FEATURES.items():
        features = roles[role]["features"]
        assert set(features) <= allowed, role
        assert set(features.values()) == {True}
    assert roles["callee"]["features"]["caller_identification"] is True


@pytest.mark.parametrize(
    ("salt", "signature"),
    [
        ({}, "SRMbpOlhNjrf1RM8bQVJo8zVSEqFTELlcF2t31munBY="),
        ({"salt": ""}, "SRMbpOlhNjrf1RM8bQVJo8zVSEqFTELlcF2t31munBY="),
        ({"salt": "pepper-01"}, "XN1ODSnNDAdzPlGXY9E/hNwtnTfTVqKDbp23cCxRJOs="),
        (
            {"salt": "pepper-01", "iterations": 0, "keylen": 0},
            "XN1ODSnNDAdzPlGXY9E/hNwtnTfTVqKDbp23cCxRJOs=",
        ),
        (
            {"salt": "pepper-01", "iterations": 1000, "keylen": 32},
            "XN1ODSnNDAdzPlGXY9E/hNwtnTfTVqKDbp23cCxRJOs=",
        ),
    ],
    ids=["plain", "empty salt", "salted", "zeros", "explicit"],
)
async def test_the_signature_is_that_of_the_test_vectors(
    both: Scripted, salt: dict[str, object], signature: str
) -> None:
    router, device = both
    router.challenge |= salt

    await device.start()
    (message,) = await router.came(AUTHENTICATE)

    assert message == [AUTHENTICATE, signature, {}]


async def test_an_unknown_challenge_is_answered_empty_and_dialled_again(both: Scripted) -> None:
    router, device = both
    router.method = "ticket"

    def refuse(_: Message) -> Message:
        return [ABORT, {"message": "no such method"}, "wamp.error.no_auth_method"]

    router.replies[AUTHENTICATE] = refuse
    await device.start()
    await router.until(lambda: len(router.sessions) >= 2)

    assert router.sessions[0][1] == [AUTHENTICATE, "", {}]
    assert device.running


async def test_an_invalid_signature_ends_it(both: Scripted) -> None:
    router, device = both
    text = "WAMP-CRA client signature is invalid"
    router.replies[AUTHENTICATE] = lambda _: [
        ABORT,
        {"message": text},
        "wamp.error.authentication_failed",
    ]

    ended = await run_to_end(device)

    assert ended.status == 1
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "reply",
    [
        [ABORT, {"message": "no principal"}, "wamp.error.not_authorized"],
        [ABORT, {}, "wamp.error.no_such_realm"],
        [ABORT, {"message": "try later"}, "wamp.close.system_shutdown"],
        [ABORT, {"message": "the signature is invalid today"}, "wamp.error.not_authorized"],
        [ABORT, {}, "a reason that is no URI"],
        [2, SESSION, {"roles": {}}],
        ["nonsense"],
        [GOODBYE, {}, "wamp.close.close_realm"],
    ],
    ids=[
        "unknown",
        "no realm",
        "shutdown",
        "other words",
        "no URI",
        "no roles",
        "nonsense",
        "goodbye",
    ],
)
async def test_anything_else_is_dialled_again(both: Scripted, reply: Message) -> None:
    router, device = both
    router.replies[AUTHENTICATE] = lambda _: reply

    await device.start("-respTimeout=1000")
    await router.until(lambda: len(router.sessions) >= 2, within=15.0)
    del router.replies[AUTHENTICATE]
    await connected(router, within=20.0)

    assert device.exits == []


async def test_a_welcome_with_the_broker_alone_will_do(both: Scripted) -> None:
    router, device = both
    router.welcome = {"roles": {"broker": {"features": {}}}}

    await device.start()

    await connected(router)


async def test_a_silent_router_is_given_up_after_the_response_timeout(both: Scripted) -> None:
    router, device = both
    router.replies[HELLO] = lambda _: None

    await device.start("-respTimeout=300")

    await router.until(lambda: len(router.sessions) >= 2, within=10.0)
    assert router.sessions[0] == router.sessions[0][:1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_leaves_with_goodbye_and_a_clean_close(
    both: Scripted, number: signal.Signals
) -> None:
    router, device = both
    await device.start()
    await connected(router)

    device.send(number)

    assert await device.exited() == 0
    assert router.messages[-1] == [GOODBYE, {}, "wamp.close.close_realm"]
    assert router.frames[-1][0] == CLOSE
    assert router.frames[-1][1][:2] == (1000).to_bytes(2, "big")


async def test_a_router_that_answers_no_goodbye_is_not_waited_for(both: Scripted) -> None:
    router, device = both
    router.replies[GOODBYE] = lambda _: None
    await device.start()
    await connected(router)

    device.send(signal.SIGTERM)

    assert await device.exited(10.0) == 0
    assert router.of(GOODBYE) == [[GOODBYE, {}, "wamp.close.close_realm"]]


async def test_the_routers_goodbye_is_answered_and_followed_by_a_new_session(
    both: Scripted,
) -> None:
    router, device = both
    await device.start()
    await connected(router)
    first = router.messages

    router.send([GOODBYE, {}, "wamp.close.normal"])
    await router.until(lambda: len(router.sessions) >= 2)

    assert first[-1] == [GOODBYE, {}, "wamp.close.goodbye_and_out"]
    await connected(router)


async def test_pings_are_sent_where_asked_for_and_a_peer_that_answers_none_is_left(
    both: Scripted,
) -> None:
    router, device = both
    await device.start("-ppTimeout=200")
    await router.until(lambda: [f for f in router.frames if f[0] == PING][2:] != [])

    router.pongs = False
    await router.until(lambda: len(router.sessions) >= 2, within=5.0)

    assert {payload for code, payload in router.frames if code == PING} == {b"keepalive"}


async def test_pings_are_not_sent_by_default(both: Scripted) -> None:
    router, device = both

    await device.start()
    await connected(router)

    assert [frame for frame in router.frames if frame[0] == PING] == []


async def test_a_ping_of_the_router_is_answered(both: Scripted) -> None:
    router, device = both
    await device.start()
    await connected(router)

    router.send_frame(PING, b"are you there")

    await router.until(lambda: (10, b"are you there") in router.frames)


@pytest.mark.parametrize(
    ("url", "path"),
    [("{base}/ws", "/ws"), ("{base}/a?b=c", "/a?b=c"), ("{base}", "/"), ("http{rest}/ws", "/ws")],
)
async def test_the_endpoint_is_used_as_it_stands(
    cloud: Cloud, program: Program, url: str, path: str
) -> None:
    async with ScriptedRouter() as router:
        base = router.url.removesuffix("/ws-re-dev")
        endpoint = url.format(base=base, rest=base.removeprefix("ws"))
        device = cloud.new_device(program, changes={"device_endpoint_url": endpoint})

        await device.start()
        await router.until(lambda: router.requests != [])

        assert router.requests[0].split(" ")[1] == path
        await device.close()


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(both: Scripted) -> None:
    router, device = both
    device.environment["HTTP_PROXY"] = "http://127.0.0.1:9"

    await device.start()

    await connected(router)
