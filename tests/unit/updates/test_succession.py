"""updates.succession: the steps of the proof, on the contracts of the agent."""

from __future__ import annotations

import pytest

from reagent.errors import CallFailed, EngineUnavailable, NotConnected, StoreFailed, Unavailable
from reagent.model.call import Answer, Call
from reagent.updates.ledger import Ledger
from reagent.updates.prover import Step
from reagent.updates.seat import Role, Seat
from reagent.updates.succession import Succession
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.files import FakeFiles
from tests.fakes.messenger import FakeMessenger
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER

HANDSHAKE = "re.mgmt.SN-1.device_handshake"


class OnlyProves:
    """A database of which one thing is asked."""

    def __init__(self) -> None:
        self.refuses = False

    async def prove(self) -> None:
        if self.refuses:
            raise StoreFailed("no")


def succession(messenger: FakeMessenger, **other: object) -> Succession:
    files = life.flashed().files
    seat = Seat(
        role=Role.CANDIDATE,
        folder=FOLDER,
        files=files,
        ledger=Ledger(files, FOLDER),
        times=life.TIMES,
    )
    parts: dict[str, object] = {
        "clock": FakeClock(),
        "messenger": messenger,
        "engine": FakeEngine(),
        "store": OnlyProves(),
        "serial": lambda: "SN-1",
        "idle": lambda: True,
        "leave": lambda: None,
    }
    return Succession(seat, **{**parts, **other})  # type: ignore[arg-type]


def step(made: Succession, word: str) -> Step:
    return made._duties._prover._steps[word]


def answering(serial: str) -> FakeMessenger:
    """Connected, with somebody behind our own procedure."""
    messenger = FakeMessenger()

    async def handshake(_call: Call) -> Answer:
        return Answer(kwargs={"id": serial, "utp": "now"})

    messenger.router.offer(HANDSHAKE, handshake)
    return messenger


async def test_our_own_procedure_is_called_through_the_router() -> None:
    messenger = answering("SN-1")

    await step(succession(messenger), "called")()

    assert messenger.called(HANDSHAKE) == [()]


async def test_an_answer_of_somebody_else_is_none() -> None:
    with pytest.raises(Unavailable):
        await step(succession(answering("SN-2")), "called")()


async def test_without_a_session_nothing_is_called() -> None:
    messenger = answering("SN-1")
    messenger.go_down()

    with pytest.raises(NotConnected):
        await step(succession(messenger), "called")()


async def test_a_procedure_that_nobody_serves_is_not_proven() -> None:
    with pytest.raises(CallFailed):
        await step(succession(FakeMessenger()), "called")()


async def test_the_engine_and_the_database_are_asked() -> None:
    engine, store = FakeEngine(), OnlyProves()
    made = succession(FakeMessenger(), engine=engine, store=store)
    await step(made, "engine")()
    await step(made, "stored")()

    engine.go_down()
    store.refuses = True

    with pytest.raises(EngineUnavailable):
        await step(made, "engine")()
    with pytest.raises(StoreFailed):
        await step(made, "stored")()


async def test_a_write_is_staged_and_undone() -> None:
    made = succession(FakeMessenger())

    await step(made, "staged")()

    files = made.seat.files
    assert files.list(f"{FOLDER}/downloads") == []
    assert isinstance(files, FakeFiles)
    assert any(line.startswith("fsync") for line in files.log)


async def test_the_bucket_is_read_where_somebody_reads_it() -> None:
    read: list[int] = []

    async def read_bucket() -> None:
        read.append(1)

    await step(succession(FakeMessenger(), read_bucket=read_bucket), "fetched")()

    assert read == [1]
    assert "fetched" not in succession(FakeMessenger())._duties._prover._steps
