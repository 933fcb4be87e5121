"""updates.parent: the parent stays until the attempt is settled."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from reagent.updates import judge
from reagent.updates.ledger import Ledger
from reagent.updates.outcome import Outcome
from reagent.updates.parent import Heard, attend
from reagent.updates.state import Trial
from reagent.updates.supervision import Supervision
from reagent.updates.times import Times
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER

TIMES = Times(proof=900, soak=1800)
PROVEN = Heard(("alive", "reached joined", "up"))


@dataclass
class Scripted:
    """A child that goes through what a test wrote down, a second each; then it just lives."""

    script: Iterator[Heard]
    clock: float = 0.0
    ended: str = ""
    waits: list[float] = field(default_factory=list)

    def hear(self, within: float) -> Heard:
        self.waits.append(within)
        heard = next(self.script, None)
        self.clock += min(within, 5.0) if heard is None else 1.0
        return heard if heard is not None else Heard(("alive",))

    def end(self, within: float) -> None:
        self.ended = f"asked, {within:g} s"

    def kill(self) -> None:
        self.ended = "killed"


@pytest.fixture
def ledger() -> Ledger:
    device = life.flashed()
    ledger = Ledger(device.files, FOLDER)
    trial = life.trial_of("1.5.0", life.body("1.5.0", "good"))
    ledger.put(judge.opened(judge.scheduled(ledger.state, trial), "boot"))
    return ledger


def never() -> str:
    raise AssertionError("nothing is to be committed")


def attended(
    ledger: Ledger, *heard: Heard, commit: Callable[[], str] = never
) -> tuple[Outcome, Scripted]:
    child = Scripted(iter(heard))
    watch = Supervision(required=frozenset({"joined"}), soaked=0, times=TIMES, now=0)
    outcome = attend(child, ledger, watch, commit, lambda: child.clock)
    return outcome, child


def trial_in(ledger: Ledger) -> Trial:
    trial = ledger.state.trial
    assert trial is not None
    return trial


def test_a_proof_that_held_is_committed_and_the_child_leaves_in_order(ledger: Ledger) -> None:
    outcome, child = attended(ledger, PROVEN, commit=lambda: "")

    assert outcome is Outcome.COMMITTED
    assert child.ended == "asked, 10 s"
    assert child.clock >= 1800


def test_an_end_of_its_own_is_written_down_for_the_control_run(ledger: Ledger) -> None:
    outcome, _ = attended(ledger, Heard(("alive",)), Heard(status=3))

    attempt = trial_in(ledger).attempt
    assert outcome is Outcome.FAILED
    assert attempt is not None
    assert (attempt.end, attempt.took) == ("ended with status 3", 2)


def test_a_refusal_by_the_cloud_is_told_apart(ledger: Ledger) -> None:
    attended(ledger, Heard(("refused",)), Heard(status=1))

    attempt = trial_in(ledger).attempt
    assert attempt is not None
    assert attempt.end == "refused"


def test_silence_and_lateness_end_the_child_at_once(ledger: Ledger) -> None:
    outcome, child = attended(ledger, *[Heard()] * 70)
    attempt = trial_in(ledger).attempt
    assert attempt is not None
    assert (outcome, attempt.end, child.ended) == (Outcome.FAILED, "hangs", "killed")

    outcome, child = attended(ledger)
    attempt = trial_in(ledger).attempt
    assert attempt is not None
    assert (outcome, attempt.end, child.ended) == (Outcome.FAILED, "deadline", "killed")
    assert 900 <= child.clock < 910


def test_an_ordered_stop_gives_the_attempt_back(ledger: Ledger) -> None:
    outcome, child = attended(ledger, PROVEN, *[Heard(("alive",))] * 100, Heard(stop=True))

    trial = trial_in(ledger)
    assert outcome is Outcome.STOPPED
    assert child.ended == "asked, 10 s"
    assert (trial.attempt, trial.strikes, trial.given_back) == (None, 0, 0)
    assert 95 <= trial.proven_s <= 105


def test_that_it_was_proven_is_on_the_disk_at_once_and_the_soak_in_steps(ledger: Ledger) -> None:
    seen: list[float] = []

    def watch_disk() -> Iterator[Heard]:
        yield PROVEN
        for _ in range(700):
            seen.append(trial_in(ledger).proven_s)
            yield Heard(("alive",))
        yield Heard(status=1)

    child = Scripted(watch_disk())
    watch = Supervision(required=frozenset({"joined"}), soaked=0, times=TIMES, now=0)
    attend(child, ledger, watch, never, lambda: child.clock)

    assert 0 < seen[0] < 2
    assert len(set(seen)) == 3


def test_a_version_that_would_not_start_by_itself_is_not_committed(ledger: Ledger) -> None:
    outcome, child = attended(ledger, PROVEN, commit=lambda: "it would not start by itself")

    attempt = trial_in(ledger).attempt
    assert attempt is not None
    assert (outcome, attempt.end) == (Outcome.FAILED, "it would not start by itself")
    assert child.ended == "killed"


def test_a_commit_that_the_disk_refuses_is_tried_again_under_the_candidate(ledger: Ledger) -> None:
    tries: list[float] = []

    def commit() -> str:
        tries.append(child.clock)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return ""

    child = Scripted(iter([PROVEN]))
    watch = Supervision(required=frozenset({"joined"}), soaked=0, times=TIMES, now=0)

    assert attend(child, ledger, watch, commit, lambda: child.clock) is Outcome.COMMITTED
    assert [later - sooner for sooner, later in pairwise(tries)] == [60, 60]


def test_it_never_waits_longer_than_until_the_next_decision(ledger: Ledger) -> None:
    _, child = attended(ledger, PROVEN, commit=lambda: "")

    assert 0 <= min(child.waits) <= max(child.waits) <= 60


def test_a_disk_that_takes_nothing_does_not_keep_the_parent(ledger: Ledger) -> None:
    ledger._files.fail("create", errno.EROFS)  # type: ignore[attr-defined]

    outcome, _ = attended(ledger, Heard(status=3))

    attempt = trial_in(ledger).attempt
    assert outcome is Outcome.FAILED
    assert attempt is not None
    assert attempt.end == ""


def test_a_candidate_that_ends_while_the_disk_takes_no_commit_is_judged_like_any_other(
    ledger: Ledger,
) -> None:
    def commit() -> str:
        ledger.change(judge.stopped)  # as `commit.commit` begins
        raise OSError(errno.ENOSPC, "No space left on device")

    outcome, _ = attended(
        ledger, PROVEN, *[Heard(("alive",))] * 1900, Heard(status=1), commit=commit
    )

    attempt = trial_in(ledger).attempt
    assert outcome is Outcome.FAILED
    assert attempt is not None
    assert (attempt.boot, attempt.end) == ("boot", "ended with status 1")
