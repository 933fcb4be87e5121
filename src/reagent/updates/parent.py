"""The parent of a trial: it stays, listens, and settles the attempt on the disk.

It is the proven version before it imported anything of the agent: whatever the child does, this
process is there to be the agent again. Orders to stop go to the child first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from reagent import log
from reagent.updates import judge
from reagent.updates.ledger import Ledger
from reagent.updates.outcome import Outcome
from reagent.updates.state import Attempt
from reagent.updates.supervision import Supervision, Verdict
from reagent.updates.times import STOP_S

_log = log.get(__name__)

# The soak is written down in steps: a disk has only so many writes, a cut costs one step at most.
_NOTE_EVERY_S: Final = 300.0
# A commit that the disk refused is tried again, under the candidate.
_COMMIT_AGAIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What came within the time given.

    Attributes:
        lines: what the child said.
        status: how it ended, None while it runs; negative for a signal.
        stop: somebody ordered this process to stop.
    """

    lines: tuple[str, ...] = ()
    status: int | None = None
    stop: bool = False


class Child(Protocol):
    """A candidate that runs."""

    def hear(self, within: float) -> Heard:
        """Wait at most so many seconds for something to be heard."""
        ...

    def end(self, within: float) -> None:
        """Ask it to stop, and end it with its group when it does not in time."""
        ...

    def kill(self) -> None:
        """End it with its group, and wait for it."""
        ...


def attend(
    child: Child,
    ledger: Ledger,
    watch: Supervision,
    commit: Callable[[], str],
    monotonic: Callable[[], float],
) -> Outcome:
    """Stay until the attempt is settled. When this returns the child is gone.

    Args:
        child: runs already.
        ledger: where the attempt is open.
        watch: what is made of what it says.
        monotonic: seconds that only go up.
        commit: makes the candidate the proven version; returns why it does not deserve it, empty
            when it is committed, and raises `OSError` when the disk refuses.
    """
    try:
        return _attend(child, ledger, watch, commit, monotonic)
    except BaseException:
        child.kill()
        raise


def _attend(  # noqa: C901 - one loop, one story
    child: Child,
    ledger: Ledger,
    watch: Supervision,
    commit: Callable[[], str],
    monotonic: Callable[[], float],
) -> Outcome:
    began = noted = monotonic()
    known = ledger.state.trial
    attempt = known.attempt if known is not None else None
    commit_at = 0.0
    told = False
    while True:
        now = monotonic()
        verdict = watch.verdict(now)
        if verdict is Verdict.PROVEN and now >= commit_at:
            try:
                why = commit()
            except OSError as error:
                _log.warning("the trial's version cannot be committed yet", error=error)
                commit_at = now + _COMMIT_AGAIN_S
                continue
            if not why:
                child.end(STOP_S)
                return Outcome.COMMITTED
            return _failed(child, ledger, attempt, why, now - began)
        if verdict in (Verdict.HANGS, Verdict.DEADLINE):
            _log.warning("the trial is ended", why=verdict.value, missing=sorted(watch.missing))
            return _failed(child, ledger, attempt, verdict.value, now - began)
        pause = watch.look_in(now) if verdict is Verdict.WAIT else commit_at - now
        heard = child.hear(min(pause, max(noted + _NOTE_EVERY_S - now, 0.0) + 0.001))
        now = monotonic()
        for line in heard.lines:
            watch.hear(line, now)
        if heard.stop:
            child.end(STOP_S)
            _note(
                ledger, lambda state, at=now: judge.soaked(judge.stopped(state), watch.soaked(at))
            )
            return Outcome.STOPPED
        if heard.status is not None:
            why = "refused" if watch.refused else f"ended with status {heard.status}"
            _log.warning("the trial ended by itself", status=heard.status, why=why)
            return _failed(child, ledger, attempt, why, now - began)
        if now - noted >= _NOTE_EVERY_S or (watch.holds and not told):
            noted, told = now, watch.holds or told
            soaked = watch.soaked(now) if not watch.holds else max(watch.soaked(now), 0.1)
            if soaked > 0:
                _note(ledger, lambda state, seconds=soaked: judge.soaked(state, seconds))


def _failed(
    child: Child, ledger: Ledger, attempt: Attempt | None, why: str, took: float
) -> Outcome:
    child.kill()
    # A commit that the disk refused half-way took the attempt for settled; it is not.
    _note(ledger, lambda state: judge.ended(judge.reopened(state, attempt), why, took))
    return Outcome.FAILED


def _note(ledger: Ledger, change: Callable[..., object]) -> None:
    try:
        ledger.change(change)  # type: ignore[arg-type]
    except OSError as error:
        # What is on the disk is an open attempt: the next start settles it as one that was cut.
        _log.warning("the state of the trial cannot be written", error=error)
