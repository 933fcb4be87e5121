"""What becomes of a trial: every change of the state, as a function of the state before. Pure.

An attempt counts against a version only when the world was well: when active, run right after it,
could do here what versions before could. Otherwise it is given back, and the pause before the next
one grows.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Final

from reagent.updates.control import Control
from reagent.updates.semver import higher
from reagent.updates.state import Attempt, Committed, Ending, State, Trial
from reagent.updates.times import DAY_S, LONGEST_PAUSE_S, Times
from reagent.updates.vocabulary import BLOCKED, COMMITTED, POSTPONED, ROLLBACK, UPDATE, WORDS

MOST_STRIKES: Final = 3
MOST_REBOOTS: Final = 10
MOST_CRASHES: Final = 5
# What the system says of a file that never runs here: another machine's, or nobody's; also where
# what should interpret it is missing.
NO_EXECUTABLE: Final = frozenset(
    {errno.ENOEXEC, getattr(errno, "ELIBBAD", errno.ENOEXEC), errno.ENOENT}
)
# What active versions could do here counts for so long.
BASELINE_S: Final = 7 * DAY_S
# A word that is younger is not written again: a disk has only so many writes.
_BASELINE_REST_S: Final = DAY_S / 2
_MOST_DOUBLINGS: Final = 16
# 2025: what an unset clock says lies before it.
_CLOCKS_ARE_SET: Final = 1_735_689_600.0


def scheduled(state: State, trial: Trial) -> State:
    """A staged version is to be tried: whatever was tried before is superseded."""
    return replace(_clean(state), trial=trial)


def goes_first(trial: Trial, announced: str, *, offered: bool) -> bool:
    """Whether a trial that waits goes before a version that a look finds; else it is superseded.

    What a person brought, and the way back, give way to nothing but a newer version. What was
    fetched stays while it is newer and offered still: what keeps this device out of a roll-out may
    be its own clock.

    Args:
        trial: what waits.
        announced: the version for this device, by what it knows.
        offered: the trial's version is on its way through the fleet, this device in or out.
    """
    if trial.brought or trial.kind == ROLLBACK:
        return higher(trial.version, announced) == trial.version
    return trial.kind == UPDATE and offered and higher(announced, trial.version) != announced


def opened(state: State, boot: str) -> State:
    """An attempt begins."""
    return _with(state, attempt=Attempt(boot=boot))


def ended(state: State, why: str, took: float) -> State:
    """An attempt ended by itself; whether that counts, the control run tells."""
    trial = state.trial
    if trial is None or trial.attempt is None:
        return state
    return _with(state, attempt=replace(trial.attempt, end=why, took=took))


def stopped(state: State) -> State:
    """An attempt ended because somebody ordered a stop: as if it had not begun."""
    return _with(state, attempt=None)


def judging(state: State, boot: str) -> State:
    """The control run for the attempt begins; an empty boot: it is to begin again."""
    trial = state.trial
    if trial is None or trial.attempt is None or trial.attempt.judged == boot:
        return state
    return _with(state, attempt=replace(trial.attempt, judged=boot))


def soaked(state: State, seconds: float) -> State:
    """So much of the soak is behind the candidate."""
    return _with(state, proven_s=seconds)


def rebooted(state: State, now: float) -> State:
    """The machine went down during an attempt. That says nothing, unless it goes on and on."""
    trial = state.trial
    if trial is None:
        return state
    if trial.reboots + 1 < MOST_REBOOTS:
        return _with(state, reboots=trial.reboots + 1)
    after = _with(state, attempt=None, reboots=0, not_before=now + DAY_S, pause=DAY_S)
    return _ending(after, trial.version, POSTPONED, f"{MOST_REBOOTS} reboots cut its attempts")


def struck(state: State, now: float, why: str = "") -> State:
    """The world was well, so it was the version. The third time blocks it.

    The pause is as long as the attempt was: a bad version takes half of the device's time at most.
    """
    trial = state.trial
    if trial is None:
        return state
    if trial.strikes + 1 >= MOST_STRIKES:
        reason = f"failed {MOST_STRIKES} times: {why}" if why else f"failed {MOST_STRIKES} times"
        return blocked(state, trial.sha256, trial.version, reason)
    took = trial.attempt.took if trial.attempt is not None else 0.0
    return _with(
        state,
        attempt=None,
        strikes=trial.strikes + 1,
        given_back=0,
        not_before=now + took,
        pause=took,
    )


def given_back(state: State, now: float, times: Times) -> State:
    """The world was broken, or nobody can tell."""
    trial = state.trial
    if trial is None:
        return state
    doublings = min(trial.given_back, _MOST_DOUBLINGS)
    pause = min(times.proof * 2.0**doublings, LONGEST_PAUSE_S)
    why = trial.attempt.end if trial.attempt is not None else ""
    after = _with(
        state, attempt=None, given_back=trial.given_back + 1, not_before=now + pause, pause=pause
    )
    return _ending(after, trial.version, POSTPONED, why or "nothing could be judged here")


def settled(state: State, control: Control, now: float, times: Times, *, well: bool) -> State:
    """The control run is over: what the attempt before it was worth.

    Args:
        state: with the attempt in it.
        control: what was asked of the run.
        now: seconds since 1970, as the device believes.
        times: the pauses are made of them.
        well: active could do what was asked.
    """
    if state.trial is None or state.trial.attempt is None:
        return state  # a newer version was scheduled meanwhile, and did nothing yet
    if not well:
        return given_back(state, now, times)
    return struck(state, now, control.why) if control.strikes else due(state)


def reopened(state: State, attempt: Attempt | None) -> State:
    """An attempt that was over once its version was proven goes on: the disk takes no commit."""
    if state.trial is None or state.trial.attempt is not None:
        return state
    return _with(state, attempt=attempt)


def hastened(state: State, boot: str, now: float) -> State:
    """A device that does not know the time would wait for the whole pause at every boot.

    One that is switched off each evening would never try that version: half of what is left is
    waited for, once a boot.
    """
    trial = state.trial
    if trial is None or now > _CLOCKS_ARE_SET or trial.paused_in == boot:
        return state
    left = trial.due_in(now) / 2
    return _with(state, not_before=now + left, pause=left, paused_in=boot)


def due(state: State) -> State:
    """The next attempt may begin at once."""
    return _with(state, attempt=None, not_before=0.0, pause=0.0)


def dropped(state: State) -> State:
    """There is nothing to try."""
    return replace(_clean(state), trial=None)


def blocked(state: State, sha256: str, version: str, why: str) -> State:
    """This digest must not come back, and is not tried any more."""
    after = _clean(state).with_blocked(sha256, version, why)
    if after.trial is not None and after.trial.sha256 == sha256:
        after = replace(after, trial=None)
    return _ending(after, version, BLOCKED, why)


def unblocked(state: State, sha256: str) -> State:
    """Somebody ordered that it may come back."""
    kept = tuple(each for each in state.blocked if each.sha256 != sha256)
    return replace(_clean(state), blocked=kept)


def committed(state: State, trial: Trial, now: float, floor: str) -> State:
    """The trial is over, and its version is the proven one."""
    mark = Committed(file=trial.file, version=trial.version, sha256=trial.sha256, at=now)
    ends = {trial.sha256: 0}
    after = replace(_clean(state), trial=None, committed=mark, ends=ends, floor=floor)
    return _ending(after, trial.version, COMMITTED)


def remembered(state: State, mark: Committed) -> State:
    """Who we are is known again."""
    return replace(_clean(state), committed=mark)


def looked_back(state: State, back: str, sha256: str) -> State:
    """The digest of what the committed version falls back to is known; until the next commit."""
    mark = state.committed
    if mark is None:
        return state
    return replace(_clean(state), committed=replace(mark, back=back, back_sha256=sha256))


def mark_of(own: Trial) -> Committed:
    """A version that runs, as a committed one."""
    return Committed(file=own.file, version=own.version, sha256=own.sha256, at=0.0)


def rolled_back(state: State, own: Committed, previous: Trial, why: str) -> State:
    """Active's version is given up; the one before is to be tried, and committed if it proves well.

    Until then active runs on.
    """
    after = blocked(state, own.sha256, own.version, why)
    return replace(after, trial=replace(previous, kind=ROLLBACK))


def run_opened(state: State, boot: str, now: float) -> State:
    """The committed version starts within its first day; an open run before it ended badly."""
    mark = state.committed
    if mark is None:
        return state
    ends = dict(state.ends)
    if mark.boot == boot:
        ends[mark.sha256] = ends.get(mark.sha256, 0) + 1
    # A clock that was set back must not make the first day last for ever.
    return replace(state, committed=replace(mark, boot=boot, at=min(mark.at, now)), ends=ends)


def run_closed(state: State) -> State:
    """The run ended in order: a stop, a hand-over, or a refusal by the cloud."""
    mark = state.committed
    if mark is None or not mark.boot:
        return state
    return replace(state, committed=replace(mark, boot=""))


def is_fresh(state: State, own: str, now: float) -> bool:
    """Whether this is the committed version in its first day."""
    mark = state.committed
    return mark is not None and mark.file == own and now - mark.at < DAY_S


def is_given_up(state: State) -> bool:
    """Whether the committed version is blocked: it runs until another one takes over."""
    mark = state.committed
    return mark is not None and state.block_of(mark.sha256) is not None


def crashes(state: State) -> int:
    """How often the committed version ended badly in its first day."""
    mark = state.committed
    return state.ends.get(mark.sha256, 0) if mark is not None else 0


def could(state: State, words: frozenset[str], now: float) -> State:
    """Active did this here; what it did before within the last days still counts."""
    known = {word: at for word, at in state.baseline.items() if _counts(at, now)}
    fresh = {
        word: now
        for word in words
        if word in WORDS and not 0 <= now - known.get(word, -DAY_S) < _BASELINE_REST_S
    }
    if now > _CLOCKS_ARE_SET:
        # What a clock that ran ahead wrote would count for ever, and nothing be proven any more.
        fresh |= {word: now for word, at in known.items() if at > now + DAY_S}
    return replace(_clean(state), baseline={**known, **fresh}) if fresh else state


def required(state: State, now: float) -> frozenset[str]:
    """What a candidate has to do here; joining counts always."""
    known = {word for word, at in state.baseline.items() if word in WORDS and _counts(at, now)}
    return frozenset(known | {WORDS[0]})


def _counts(at: float, now: float) -> bool:
    """A moment in the future is one that a clock got wrong: it counts."""
    return now - at < BASELINE_S


def _ending(state: State, version: str, end: str, why: str = "") -> State:
    return replace(state, last=Ending(version=version, end=end, why=why))


def _with(state: State, **changes: object) -> State:
    if state.trial is None:
        return state
    trial = replace(state.trial, **changes)  # type: ignore[arg-type]
    return replace(_clean(state), trial=trial)


def _clean(state: State) -> State:
    """What is put is neither absent nor spoiled any more."""
    return replace(state, absent=False, spoiled="") if state.absent or state.spoiled else state
