"""Who may call what (docs/contract/wamp.md 4 and 5), for every procedure, on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from tests.frozen import platform
from tests.frozen.platform import connected, scripted
from tests.frozen.scripted_router import CALL, ERROR, SUBSCRIBE, YIELD, Message, ScriptedRouter
from tests.frozen.steps import PROCEDURES, uri

pytestmark = pytest.mark.timeout(60)

CANCELED = "wamp.error.canceled"
GATED = {name: privilege for name, privilege in PROCEDURES.items() if privilege}
OPEN = [name for name, privilege in PROCEDURES.items() if not privilege]
RUN = {"app_key": 1, "app_name": "a", "stage": "PROD", "target_state": "RUNNING"}

TARGETS = {
    "RUNNING": "OPERATE",
    "PRESENT": "INSTALL",
    "REMOVED": "INSTALL",
    "UNINSTALLED": "INSTALL",
    "BUILT": "INSTALL",
    "PUBLISHED": "INSTALL",
}
# Who calls, with what, and as which account (None: as the platform) that is taken.
ACTING: list[tuple[str, dict[str, object], tuple[object, ...], int | None]] = [
    ("system", {"requestor_account_key": "42"}, (), 42),
    ("system", {"requestor_account_key": 42}, (), 42),
    ("system", {}, ({"requestor_account_key": "7"},), 7),
    ("system", {}, ({"requestor_account_key": 7},), 7),
    ("system", {"requestor_account_key": None}, ({"requestor_account_key": 7},), 7),
    ("system", {"requestor_account_key": 42}, ({"requestor_account_key": 7},), 42),
    ("system", {}, (), None),
    ("system", {"requestor_account_key": "not-a-number"}, (), None),
    ("system", {}, ({"other": "value"},), None),
    ("system", {}, ("7",), None),
    ("123", {"requestor_account_key": "42"}, (), 123),
    ("123", {}, ({"requestor_account_key": 42},), 123),
]


class Online:
    """A connected device and its script."""

    def __init__(self, router: ScriptedRouter, device: Device) -> None:
        self.router = router
        self.device = device

    async def call(
        self,
        name: str,
        caller: object = "999",
        *args: object,
        kwargs: dict[str, object] | None = None,
    ) -> Message:
        """Call a procedure as somebody; None is nobody."""
        details = {"caller": 12345} if caller is None else {"caller": 1, "caller_authid": caller}
        full = uri(self.device.identity, name)
        if name == "request_app_state" and kwargs is None:
            kwargs = dict(RUN)
        return await self.router.invoke(full, *args, kwargs=kwargs, details=details)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The questions about privileges so far."""
        return [m[4][0] for m in self.router.calls(platform.PRIVILEGE)]


@pytest.fixture
async def online(cloud: Cloud, program: Program) -> AsyncIterator[Online]:
    async with scripted(cloud, program, engine="unix:///nowhere/docker.sock") as (router, device):
        await device.start()
        await router.called(platform.ARCHITECTURE)
        yield Online(router, device)


def error_of(answer: Message) -> str:
    """The text of an error, whose shape is the one of docs/contract/wamp.md 4."""
    kind, of, _, details, name, args = answer
    assert (kind, of, details, name) == (ERROR, 68, {}, CANCELED)
    assert isinstance(args, list)
    (only,) = args
    assert set(only) == {"error"}
    assert isinstance(only["error"], str)
    return str(only["error"])


def is_denied(answer: Message) -> bool:
    return error_of(answer).startswith("insufficient privileges")


async def test_a_caller_without_the_privilege_is_denied_and_nothing_happens(
    online: Online,
) -> None:
    online.router.answers[platform.PRIVILEGE] = [[False]]
    who = online.device.identity

    for name, privilege in GATED.items():
        before = len(online.router.messages)
        answer = await online.call(name)

        assert is_denied(answer), name
        assert online.asked[-1] == {
            "privilege": privilege,
            "entity": "DEVICE",
            "entity_key": who.device_key,
            "requestor_account_key": 999,
            "swarm_key": who.swarm_key,
        }, name
        # One question, one refusal, and not a word more.
        said = [m[0] for m in online.router.messages[before:] if m[0] != SUBSCRIBE]
        assert said == [CALL, ERROR], name


async def test_a_look_up_that_fails_never_reads_like_a_denial(online: Online) -> None:
    refusal: Message = [ERROR, "wamp.error.runtime_error", ["the database is on fire"]]
    answers: tuple[Message, ...] = (refusal, [], [[]], [[None]], [["yes"]], [[1]], [[{}]])
    for answer in answers:
        online.router.answers[platform.PRIVILEGE] = answer
        for name in GATED:
            text = error_of(await online.call(name))

            assert "insufficient privileges" not in text, (name, answer)
            assert answer is not refusal or "the database is on fire" in text, name


async def test_a_platform_whose_errors_have_no_proper_uri_is_understood_all_the_same(
    online: Online,
) -> None:
    online.router.answers[platform.PRIVILEGE] = [ERROR, "out of order", ["call again"]]

    text = error_of(await online.call("get_storage_data"))

    assert "out of order, call again" in text
    assert len(online.router.sessions) == 1


async def test_a_caller_whose_account_is_a_number_is_the_same_account(online: Online) -> None:
    answer = await online.call("get_storage_data", 501)

    assert answer[0] == YIELD
    assert [each["requestor_account_key"] for each in online.asked] == [501]


async def test_the_platform_itself_is_never_looked_up(online: Online) -> None:
    online.router.answers[platform.PRIVILEGE] = [[False]]

    for name in PROCEDURES:
        answer = await online.call(name, "system")

        assert answer[0] == YIELD or not is_denied(answer), name
    assert online.asked == []


async def test_a_device_that_does_not_trust_the_platform_denies_it_too(
    cloud: Cloud, program: Program
) -> None:
    async with scripted(cloud, program, changes={"trust_system": False}) as (router, device):
        await device.start()
        await connected(router)
        here = Online(router, device)

        for name in GATED:
            assert is_denied(await here.call(name, "system")), name
        answer = await here.call("get_agent_metadata", "501")

        assert answer[0] == YIELD


async def test_a_caller_with_the_privilege_is_let_through(online: Online) -> None:
    for name in GATED:
        answer = await online.call(name, "501")

        assert answer[0] == YIELD or not is_denied(answer), name
    assert len(online.asked) == len(GATED)


async def test_every_call_is_looked_up_anew(online: Online) -> None:
    for _ in range(3):
        await online.call("get_storage_data")

    assert len(online.asked) == 3


async def test_a_caller_without_an_account_is_an_error_and_no_denial(online: Online) -> None:
    for caller in (None, "", "17-4021", "bob", "1.5", "0x10"):
        for name in GATED:
            answer = await online.call(name, caller)

            assert "insufficient privileges" not in error_of(answer), (caller, name)
    assert online.asked == []


async def test_what_is_open_is_never_looked_up(online: Online) -> None:
    online.router.answers[platform.PRIVILEGE] = [[False]]

    for name in OPEN:
        for caller in ("999", None, "17-4021"):
            answer = await online.call(name, caller)

            assert answer[0] == YIELD or not is_denied(answer), name
    assert online.asked == []


async def test_the_platform_may_act_for_an_account(online: Online) -> None:
    for caller, kwargs, args, account in ACTING:
        before = len(online.asked)

        await online.call("get_storage_data", caller, *args, kwargs=kwargs)

        asked = [question["requestor_account_key"] for question in online.asked[before:]]
        assert asked == ([] if account is None else [account]), (caller, kwargs, args)


async def test_running_an_app_and_installing_one_are_two_privileges(online: Online) -> None:
    online.router.answers[platform.PRIVILEGE] = [[False]]

    for target, privilege in TARGETS.items():
        for key in ("target_state", "manually_requested_state"):
            request: dict[str, object] = {k: v for k, v in RUN.items() if k != "target_state"}
            answer = await online.call("request_app_state", kwargs={**request, key: target})

            assert is_denied(answer)
            assert online.asked[-1]["privilege"] == privilege, (key, target)


async def test_what_is_not_built_yet_says_so_after_the_check(online: Online) -> None:
    answers = {name: await online.call(name, "501") for name in PROCEDURES}
    pending = {
        name: error_of(answer)
        for name, answer in answers.items()
        if answer[0] == ERROR and "not implemented" in error_of(answer)
    }

    assert "write_data" in pending
    for name, text in pending.items():
        assert name in text
        assert online.device.program.version in text
    for name in ("request_app_state", "device_handshake", "get_images", "query_app_logs"):
        assert name not in pending
