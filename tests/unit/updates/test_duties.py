"""updates.duties with proof, prover and hand-over: what the agent does for its succession."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from reagent.errors import EngineUnavailable
from reagent.updates import judge
from reagent.updates.control import Control
from reagent.updates.duties import Duties
from reagent.updates.handover import HandOver
from reagent.updates.ledger import Ledger
from reagent.updates.proof import Proof
from reagent.updates.prover import Prover, Step, write_and_take_away
from reagent.updates.seat import Role, Seat
from reagent.updates.state import State
from reagent.updates.times import DAY_S
from reagent.updates.vocabulary import CALLED, ENGINE, FETCHED, ROLLBACK, STAGED, STORED, UPDATE
from reagent.updates.window import ALWAYS, Window
from tests.fakes.clock import FakeClock, settle
from tests.fakes.files import FakeFiles
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER

CONTROL = Control(required=frozenset({"joined", "engine"}), window=900.0, strikes=True, why="hangs")
TRIAL = replace(
    life.trial_of("1.5.0", life.body("1.5.0", "good")),
    attempt=judge.opened(State(trial=life.trial_of("1.5.0", b"")), "b").trial.attempt,  # type: ignore[union-attr]
)


@dataclass
class Agent:
    """What the duties see of it."""

    role: Role = Role.PROVEN
    control: Control | None = None
    state: State = field(default_factory=State)
    reads_bucket: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    files: FakeFiles = field(default_factory=lambda: life.flashed().files)
    said: list[str] = field(default_factory=list)
    session: int = 0
    idle: bool = True
    engine_up: bool = True
    bucket_up: bool = True
    rest: float = 0.0
    window: Window = ALWAYS
    left: int = 0
    tried: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.files, FOLDER)
        if self.state != State():
            self.ledger.put(self.state)
        seat = Seat(
            role=self.role,
            folder=FOLDER,
            files=self.files,
            ledger=self.ledger,
            times=life.TIMES,
            own="reagent-v1.4.0",
            control=self.control,
            rest=self.rest,
            tell=self.said.append if self.role is Role.CANDIDATE else None,
        )
        self.proof = Proof(seat.tell)
        self.hand_over = HandOver(
            self.clock,
            idle=lambda: self.idle,
            well=lambda: self.proof.holds(self.session),
            leave=self._leave,
            window=self.window,
        )
        steps: dict[str, Step] = {
            CALLED: self._step(CALLED), ENGINE: self._engine, STORED: self._step(STORED),
            STAGED: self._step(STAGED), FETCHED: self._bucket,
        }  # fmt: skip
        self.duties = Duties(
            seat,
            self.proof,
            Prover(self.proof, steps, self.clock),
            self.hand_over,
            self.clock,
            session=lambda: self.session,
            reads_bucket=self.reads_bucket,
        )

    def connect(self, session: int = 7) -> None:
        self.session = session
        self.proof.joined()
        self.proof.registered(session)

    async def pass_time(self, seconds: float, step: float = 30.0) -> None:
        """File work is done in threads: let them come back between two looks at the clock."""
        steps = max(1, int(seconds // step))
        for _ in range(steps):
            await self.clock.advance(seconds / steps)
            for _ in range(3):
                await asyncio.to_thread(settle_nothing)
                await settle(5)

    def break_step(self, word: str) -> None:
        """It fails as nobody thought that it could."""
        self.broken.add(word)

    def _leave(self) -> None:
        self.left += 1

    def _step(self, word: str) -> Step:
        async def act() -> None:
            self.tried.append(word)
            if word in self.broken:
                raise ZeroDivisionError

        return act

    async def _engine(self) -> None:
        self.tried.append(ENGINE)
        if not self.engine_up:
            raise EngineUnavailable("no engine")

    async def _bucket(self) -> None:
        self.tried.append(FETCHED)
        if not self.bucket_up:
            raise TimeoutError


def settle_nothing() -> None:
    return


@pytest.fixture
async def running() -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


Running = list[asyncio.Task[None]]


def start(agent: Agent, running: Running) -> Agent:
    running.append(asyncio.create_task(agent.duties.run()))
    return agent


# --- on trial


async def test_a_candidate_says_what_it_reaches_and_that_it_lives(running: Running) -> None:
    agent = start(Agent(role=Role.CANDIDATE), running)
    await agent.pass_time(6)
    assert agent.said == ["alive", "alive"]

    agent.connect()
    await agent.pass_time(2)

    assert set(agent.said[2:]) >= {
        "reached joined", "reached registered", "reached called", "reached engine",
        "reached stored", "reached staged", "reached fetched", "up",
    }  # fmt: skip


async def test_a_candidate_tells_of_a_link_that_is_lost_and_found(running: Running) -> None:
    agent = start(Agent(role=Role.CANDIDATE), running)
    agent.connect()
    await agent.pass_time(2)
    agent.session = 0
    await agent.pass_time(2)
    agent.session = 8
    await agent.pass_time(2)
    assert [line for line in agent.said if line in {"up", "down"}] == ["up", "down"]

    agent.proof.registered(8)
    await agent.pass_time(2)

    assert [line for line in agent.said if line in {"up", "down"}] == ["up", "down", "up"]


async def test_a_candidate_goes_on_trying_what_fails(running: Running) -> None:
    agent = start(Agent(role=Role.CANDIDATE, engine_up=False), running)
    agent.connect()
    await agent.pass_time(60)
    assert "reached engine" not in agent.said

    agent.engine_up = True
    await agent.pass_time(20)

    assert "reached engine" in agent.said


async def test_a_candidate_never_writes_the_state_or_hands_over(running: Running) -> None:
    agent = start(Agent(role=Role.CANDIDATE), running)
    agent.connect()
    agent.hand_over.request(1)
    await agent.pass_time(3 * 3600, step=3600)
    await agent.duties.stopping()

    assert "updates.json" not in agent.files.list(FOLDER)
    assert agent.left == 0


async def test_a_refusal_is_told() -> None:
    agent = Agent(role=Role.CANDIDATE)

    agent.proof.refused()

    assert agent.said == ["refused"]


# --- the control run


def trying(**other: object) -> Agent:
    return Agent(control=CONTROL, state=State(trial=TRIAL), **other)  # type: ignore[arg-type]


async def test_a_refusal_of_active_too_gives_the_attempt_back() -> None:
    """Else the start at which the platform wants the device again would blame the version."""
    agent = trying()
    agent.proof.refused()

    await agent.duties.stopping()

    trial = agent.ledger.state.trial
    assert trial is not None
    assert (trial.strikes, trial.given_back, trial.attempt) == (0, 1, None)


async def test_a_refusal_after_the_attempt_was_settled_changes_nothing() -> None:
    agent = Agent(control=CONTROL, state=State(trial=replace(TRIAL, attempt=None)))
    before = agent.ledger.state
    agent.proof.refused()

    await agent.duties.stopping()

    assert agent.ledger.state == before


async def test_the_version_gets_a_strike_as_soon_as_active_could_do_it(running: Running) -> None:
    agent = start(trying(), running)
    agent.connect()
    await agent.pass_time(1)

    trial = agent.ledger.state.trial
    assert trial is not None
    assert (trial.strikes, trial.attempt) == (1, None)


async def test_the_attempt_is_given_back_when_active_could_not_either(running: Running) -> None:
    agent = start(trying(engine_up=False), running)
    agent.connect()
    await agent.pass_time(890)
    assert agent.ledger.state.trial == TRIAL

    await agent.pass_time(20)

    trial = agent.ledger.state.trial
    assert trial is not None
    assert (trial.strikes, trial.given_back, trial.attempt) == (0, 1, None)


async def test_a_full_disk_puts_the_judgement_off_not_the_version(running: Running) -> None:
    agent = start(trying(engine_up=False), running)
    agent.connect()
    await agent.pass_time(890)
    agent.files.full = True
    await agent.pass_time(1200, step=100)
    assert agent.ledger.state.trial == TRIAL

    agent.files.full = False
    await agent.pass_time(400, step=100)

    trial = agent.ledger.state.trial
    assert trial is not None
    assert (trial.given_back, trial.attempt) == (1, None)
    assert agent.hand_over.asked


async def test_a_control_run_reads_the_bucket_when_that_is_asked(running: Running) -> None:
    control = replace(CONTROL, required=frozenset({"joined", "fetched"}))
    agent = start(Agent(control=control, state=State(trial=TRIAL), bucket_up=False), running)
    agent.connect()
    await agent.pass_time(5)

    assert FETCHED in agent.tried
    assert agent.ledger.state.trial == TRIAL


async def test_the_next_attempt_follows_at_an_idle_moment(running: Running) -> None:
    agent = start(trying(idle=False), running)
    agent.connect()
    await agent.pass_time(120)
    assert agent.left == 0

    agent.idle = True
    await agent.pass_time(11)

    assert agent.left == 1
    assert agent.hand_over.taken


@pytest.mark.parametrize(
    ("kind", "brought", "left"), [(UPDATE, False, 0), (UPDATE, True, 1), (ROLLBACK, False, 1)]
)
async def test_only_what_nobody_ordered_waits_for_the_window(
    running: Running,
    kind: str,
    brought: bool,  # noqa: FBT001 - a table
    left: int,
) -> None:
    trial = replace(TRIAL, kind=kind, brought=brought, attempt=None)
    agent = start(Agent(state=State(trial=trial), window=closed_now()), running)
    agent.connect()

    await agent.pass_time(120)

    assert agent.left == left


def closed_now() -> Window:
    """A window of a minute, hours from what the clock says."""
    hour = (int(FakeClock().rfc3339()[11:13]) + 12) % 24
    return Window.parse(f"{hour:02}:00-{hour:02}:01")


async def test_a_broken_world_is_waited_for_before_the_next_attempt(running: Running) -> None:
    agent = start(trying(), running)
    await agent.pass_time(900 + 900 + 60)
    assert agent.left == 0

    agent.connect()
    await agent.pass_time(30)

    assert agent.left == 1


# --- the baseline


async def test_what_active_can_do_is_remembered(running: Running) -> None:
    agent = start(Agent(engine_up=False), running)
    agent.connect()
    await agent.pass_time(60)

    assert set(agent.ledger.state.baseline) == {
        "joined",
        "registered",
        "called",
        "stored",
        "staged",
    }
    assert FETCHED not in agent.tried


async def test_the_bucket_counts_where_it_was_read(running: Running) -> None:
    agent = start(Agent(), running)
    agent.connect()
    agent.proof.reached(FETCHED)
    await agent.pass_time(60)

    assert FETCHED in agent.ledger.state.baseline


async def test_the_baseline_is_kept_fresh_for_weeks(running: Running) -> None:
    agent = start(Agent(), running)
    agent.connect()
    await agent.pass_time(60)
    first = agent.ledger.state.baseline["engine"]

    await agent.pass_time(8 * DAY_S, step=3600)

    now = agent.clock.now()
    assert agent.ledger.state.baseline["engine"] > first
    assert "engine" in judge.required(agent.ledger.state, now)


async def test_nothing_is_written_before_the_device_is_connected(running: Running) -> None:
    agent = start(Agent(), running)
    await agent.pass_time(3600, step=600)

    assert agent.tried == []
    assert "updates.json" not in agent.files.list(FOLDER)


# --- handing over


async def test_what_this_version_can_do_is_looked_at_before_it_hands_over(running: Running) -> None:
    agent = start(Agent(), running)
    agent.connect()
    await agent.pass_time(0.1)
    agent.hand_over.request(60)
    await agent.pass_time(5)

    assert agent.left == 1
    assert "engine" in agent.ledger.state.baseline


async def test_an_order_is_not_kept_waiting_longer_than_it_said(running: Running) -> None:
    agent = start(Agent(idle=False), running)
    agent.connect()
    agent.hand_over.request(60)
    await agent.pass_time(55)
    assert agent.left == 0

    await agent.pass_time(35)

    assert agent.left == 1


async def test_a_scheduled_trial_is_waited_for_a_day_at_most(running: Running) -> None:
    trial = replace(TRIAL, attempt=None)
    agent = start(Agent(state=State(trial=trial), idle=False), running)
    agent.connect()
    await agent.pass_time(DAY_S - 60, step=3600)
    assert agent.left == 0

    await agent.pass_time(120)

    assert agent.left == 1


async def test_a_trial_that_could_not_begin_is_not_asked_for_again_at_once(
    running: Running,
) -> None:
    agent = start(Agent(state=State(trial=replace(TRIAL, attempt=None)), rest=900.0), running)
    agent.connect()
    await agent.pass_time(890)
    assert agent.left == 0

    await agent.pass_time(60)

    assert agent.left == 1


async def test_an_orderly_end_closes_the_run() -> None:
    mark = replace(judge.mark_of(TRIAL), file="reagent-v1.4.0", boot="b")
    agent = Agent(state=State(committed=mark))

    await agent.duties.stopping()

    committed = agent.ledger.state.committed
    assert committed is not None
    assert committed.boot == ""


async def test_a_control_run_that_was_stopped_begins_again() -> None:
    agent = Agent(control=CONTROL, state=judge.judging(State(trial=TRIAL), "b"))

    await agent.duties.stopping()

    assert agent.ledger.state.trial == TRIAL


# --- tidying


async def test_old_versions_go_after_a_soak_of_its_own(running: Running) -> None:
    agent = Agent()
    agent.files.file(f"{FOLDER}/reagent-v1.0.0", b"x")
    start(agent, running)
    await agent.pass_time(1700)
    assert "reagent-v1.0.0" in agent.files.list(FOLDER)

    await agent.pass_time(200)

    assert "reagent-v1.0.0" not in agent.files.list(FOLDER)


async def test_nothing_goes_while_something_is_tried(running: Running) -> None:
    agent = Agent(state=State(trial=replace(TRIAL, attempt=None)), idle=False)
    agent.files.file(f"{FOLDER}/reagent-v1.0.0", b"x")
    start(agent, running)
    await agent.pass_time(3600, step=600)

    assert "reagent-v1.0.0" in agent.files.list(FOLDER)


async def test_a_version_that_was_blocked_meanwhile_goes_in_the_same_run(running: Running) -> None:
    agent = Agent(control=CONTROL, state=State(trial=TRIAL))
    agent.files.file(f"{FOLDER}/reagent-v1.5.0", b"x")
    start(agent, running)
    await agent.pass_time(2000, step=600)
    agent.ledger.put(judge.blocked(agent.ledger.state, TRIAL.sha256, "1.5.0", "failed 3 times"))

    await agent.pass_time(13 * 3600, step=1800)

    assert "reagent-v1.5.0" not in agent.files.list(FOLDER)


async def test_what_fails_in_one_duty_keeps_nobody_from_handing_over(running: Running) -> None:
    trial = replace(TRIAL, attempt=None)
    agent = Agent(state=State(trial=trial))
    agent.break_step(STORED)
    start(agent, running)
    agent.connect()

    await agent.pass_time(40)

    assert agent.tried.count(STORED) > 0
    assert agent.left == 1


async def test_a_duty_that_failed_begins_again(running: Running) -> None:
    agent = Agent()
    agent.break_step(STORED)
    start(agent, running)
    agent.connect()
    await agent.pass_time(20)
    before = agent.ledger.state.baseline

    agent.broken.clear()
    await agent.pass_time(330)

    assert before == {}
    assert STORED in agent.ledger.state.baseline


async def test_a_copy_tidies_up_what_copies_staged_and_keeps_no_state(running: Running) -> None:
    agent = Agent(role=Role.COPY)
    for version in ("1.5.0", "1.6.0"):
        agent.files.file(f"{FOLDER}/reagent-v{version}", life.body(version, "good"), mtime=1.0)
    start(agent, running)

    await agent.pass_time(life.TIMES.soak + 60)
    await agent.duties.stopping()

    assert {"reagent-v1.4.0", "reagent-v1.6.0"} <= set(agent.files.list(FOLDER))
    assert not {"reagent-v1.5.0", "updates.json"} & set(agent.files.list(FOLDER))


def test_a_staged_write_is_undone() -> None:
    files = life.flashed().files

    write_and_take_away(files, FOLDER)

    assert files.list(f"{FOLDER}/downloads") == []


@pytest.mark.parametrize("operation", ["create", "write", "fsync", "unlink"])
def test_a_staged_write_that_fails_is_said(operation: str) -> None:
    files = life.flashed().files
    files.fail(operation, 30)

    with pytest.raises(OSError, match="Read-only"):
        write_and_take_away(files, FOLDER)
