from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from reagent.api.dispatch import Dispatcher, Privileges, account_key, normalised
from reagent.api.pending import PENDING, pending
from reagent.api.procedure import Mark, Procedure
from reagent.errors import (
    BadRequest,
    CallFailed,
    DeadlineExceeded,
    Failed,
    NotConnected,
    NotInThisVersion,
    NotPrivileged,
)
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity
from tests.fakes.backend import FakeBackend
from tests.fakes.messenger import FakeMessenger

IDENTITY = Identity(serial_number="SN-1", swarm_key=1, device_key=1)
PREFIX = "re.mgmt.SN-1."


class Served:
    """One procedure that counts how often it ran."""

    def __init__(self, needs: Privilege | None = Privilege.READ, within: float = 5.0) -> None:
        self.calls: list[Call] = []
        self.error: Exception | None = None
        self.hangs = False
        self.procedure = Procedure(Mark("thing", needs, within), self._serve)

    async def _serve(self, call: Call) -> Answer:
        self.calls.append(call)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return Answer(("done",))


async def offered(
    served: Served, backend: FakeBackend, identity: Identity = IDENTITY
) -> FakeMessenger:
    messenger = FakeMessenger()
    dispatcher = Dispatcher(
        [served.procedure], Privileges(backend, lambda: identity), lambda: identity
    )
    await dispatcher.register(messenger)
    return messenger


@pytest.mark.parametrize(
    ("call", "caller"),
    [
        (Call(kwargs={"requestor_account_key": "42"}, caller="system"), 42),
        (Call(kwargs={"requestor_account_key": 42}, caller="system"), 42),
        (Call(kwargs={"requestor_account_key": 42.0}, caller="system"), 42),
        (Call(({"requestor_account_key": "7"},), caller="system"), 7),
        (Call(caller="system"), "system"),
        (Call(kwargs={"requestor_account_key": None}, caller="system"), "system"),
        (Call(kwargs={"requestor_account_key": "42"}, caller="123"), "123"),
        (Call(kwargs={"requestor_account_key": "not-a-number"}, caller="system"), "system"),
        (Call(({"other": "value"},), caller="system"), "system"),
        (Call(("text",), caller="system"), "system"),
    ],
)
def test_a_system_caller_that_names_an_account_acts_as_that_account(
    call: Call, caller: object
) -> None:
    assert normalised(call).caller == caller


@pytest.mark.parametrize(
    ("caller", "account"),
    [
        ("501", 501),
        (501, 501),
        (501.0, 501),
        ("+501", 501),
        ("-1", -1),
        (501.5, None),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("9" * 5000, None),
        ("17-4021", None),
        (None, None),
        (True, None),
        ("", None),
        ("x", None),
    ],
)
def test_only_decimal_integers_are_accounts(caller: object, account: int | None) -> None:
    assert account_key(caller) == account


async def test_a_denied_caller_gets_a_denial_and_nothing_happens() -> None:
    served, backend = Served(), FakeBackend()
    messenger = await offered(served, backend)

    with pytest.raises(NotPrivileged, match=r"^insufficient privileges"):
        await messenger.ask(PREFIX + "thing", caller="999")

    assert served.calls == []


async def test_a_failed_look_up_does_not_read_like_a_denial() -> None:
    served, backend = Served(), FakeBackend()
    backend.fail("holds")
    messenger = await offered(served, backend)

    with pytest.raises(CallFailed) as failed:
        await messenger.ask(PREFIX + "thing", caller="999")

    assert "out of order" in str(failed.value)
    assert "insufficient" not in str(failed.value)
    assert served.calls == []


async def test_system_is_allowed_without_asking() -> None:
    served, backend = Served(), FakeBackend()
    messenger = await offered(served, backend)

    answer = await messenger.ask(PREFIX + "thing", caller="system")

    assert answer == Answer(("done",))
    assert backend.asked == []


async def test_an_allowed_caller_is_asked_for_every_time() -> None:
    served, backend = Served(), FakeBackend()
    backend.grant(999, Privilege.READ)
    messenger = await offered(served, backend)

    for _ in range(2):
        await messenger.ask(PREFIX + "thing", caller="999")

    assert backend.asked == ["holds", "holds"]


async def test_a_caller_without_an_account_is_an_error_of_its_own() -> None:
    served, backend = Served(), FakeBackend()
    messenger = await offered(served, backend)

    with pytest.raises(Failed, match="17-4021"):
        await messenger.ask(PREFIX + "thing", caller="17-4021")

    assert backend.asked == []


async def test_a_device_may_distrust_system() -> None:
    served, backend = Served(), FakeBackend()
    backend.grant(42, Privilege.READ)
    messenger = await offered(served, backend, replace(IDENTITY, trust_system=False))

    with pytest.raises(NotPrivileged):
        await messenger.ask(PREFIX + "thing", caller="system")
    answer = await messenger.ask(PREFIX + "thing", caller="system", requestor_account_key="42")

    assert answer == Answer(("done",))


async def test_what_is_open_to_all_asks_nobody() -> None:
    served, backend = Served(needs=None), FakeBackend()
    messenger = await offered(served, backend)

    await messenger.ask(PREFIX + "thing", caller=None)

    assert backend.asked == []


async def test_a_handler_that_hangs_is_answered_at_its_deadline() -> None:
    served, backend = Served(within=0.01), FakeBackend()
    served.hangs = True
    messenger = await offered(served, backend)

    with pytest.raises(DeadlineExceeded, match="thing"):
        await messenger.ask(PREFIX + "thing", caller="system")


async def test_a_handler_that_breaks_is_answered_and_named() -> None:
    served, backend = Served(), FakeBackend()
    served.error = ZeroDivisionError("by zero")
    messenger = await offered(served, backend)

    with pytest.raises(Failed, match="thing"):
        await messenger.ask(PREFIX + "thing", caller="system")


async def test_a_refusal_of_the_handler_passes_through() -> None:
    served, backend = Served(), FakeBackend()
    served.error = BadRequest("failed to parse x")
    messenger = await offered(served, backend)

    with pytest.raises(BadRequest, match="failed to parse x"):
        await messenger.ask(PREFIX + "thing", caller="system")


async def test_a_refused_registration_keeps_none_of_the_others_back() -> None:
    backend, messenger = FakeBackend(), FakeMessenger()
    messenger.router.forbid(PREFIX + "write_data")
    dispatcher = Dispatcher(
        pending("1.0.0"), Privileges(backend, lambda: IDENTITY), lambda: IDENTITY
    )

    await dispatcher.register(messenger)

    offered_now = {uri.removeprefix(PREFIX) for uri in messenger.router.procedures}
    assert offered_now == set(PENDING) - {"write_data"}


async def test_a_session_that_is_gone_ends_the_registration() -> None:
    backend, messenger = FakeBackend(), FakeMessenger()
    messenger.go_down()
    dispatcher = Dispatcher(
        pending("1.0.0"), Privileges(backend, lambda: IDENTITY), lambda: IDENTITY
    )

    with pytest.raises(NotConnected):
        await dispatcher.register(messenger)


@pytest.mark.parametrize("suffix", PENDING)
async def test_a_pending_procedure_says_that_it_is_not_here(suffix: str) -> None:
    served = {each.mark.suffix: each for each in pending("1.0.0")}[suffix]

    with pytest.raises(
        NotInThisVersion, match=f"{suffix} is not implemented in agent version 1.0.0"
    ):
        await served.serve(Call())


@pytest.mark.parametrize("suffix", [name for name, needs in PENDING.items() if needs])
async def test_a_pending_procedure_still_asks_for_its_privilege(suffix: str) -> None:
    backend, messenger = FakeBackend(), FakeMessenger()
    dispatcher = Dispatcher(
        pending("1.0.0"), Privileges(backend, lambda: IDENTITY), lambda: IDENTITY
    )
    await dispatcher.register(messenger)

    with pytest.raises(NotPrivileged):
        await messenger.ask(PREFIX + suffix, caller="999")
