"""The sequences that move links: commit, give way, tidy up. A cut may come between any two moves.

`Reagent-active` is moved by one rename, and everything before it leaves the old version proven,
everything after it the new one. A start that finds the rest undone does it (`decide.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from reagent.contracts.files import Files, Kind
from reagent.updates import drafts, judge, links, moves
from reagent.updates.decide import Act, Plan
from reagent.updates.intact import OLDEST
from reagent.updates.ledger import Ledger
from reagent.updates.repairs import is_blocked
from reagent.updates.semver import higher
from reagent.updates.state import State, Trial
from reagent.updates.vocabulary import (
    ACTIVE,
    ARRIVAL,
    LATEST,
    PREVIOUS,
    ROLLBACK,
    SUFFIX,
    UPDATE,
    VERSION_FILE,
    version_of,
)

_VERSION_FILE: Final = re.compile(
    re.escape(VERSION_FILE)
    + r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
    + re.escape(SUFFIX)
)

# After each step the newest file is what `latest` names, or will be after the manager script's next
# cycle, and `latest` names what `active` or `previous` name: it finds nothing to do. The way back
# takes another order, because there the newest file is the one that is left.
_NEWEST: Final = "newest"
_ORDER: Final = {
    UPDATE: (PREVIOUS, ACTIVE, _NEWEST, LATEST),
    ROLLBACK: (PREVIOUS, _NEWEST, LATEST, ACTIVE),
    ARRIVAL: (_NEWEST, LATEST),
}


def commit(
    files: Files, folder: str, ledger: Ledger, trial: Trial, *, own: str, now: float
) -> None:
    """Make the trial's version the one that every start runs.

    Args:
        files: the disk.
        folder: that of `Reagent-active`.
        ledger: where the trial stands.
        trial: what was proven.
        own: the file of the version that was the parent.
        now: seconds since 1970, as the device believes.

    Raises:
        OSError: it can be done again from the beginning; whatever was moved is in order.
    """
    # A cut in here is no cut of an attempt: what there was to prove is proven.
    ledger.change(judge.stopped)

    def given_up() -> bool:
        return is_blocked(ledger.state, own, lambda file: links.digest(files, folder, file))

    for step in _ORDER[trial.kind]:
        if step == _NEWEST:
            links.make_newest(files, folder, trial.file, now)
        elif step == PREVIOUS and trial.kind == UPDATE and not given_up():
            links.set_link(files, folder, PREVIOUS, own)
        else:
            links.set_link(files, folder, step, trial.file)
    ledger.change(lambda state: committed_state(state, trial, now))


def committed_state(state: State, trial: Trial, now: float) -> State:
    """What is on the disk once it is the proven version."""
    return judge.committed(state, trial, now, higher(state.floor, trial.version))


def carry_out(files: Files, folder: str, ledger: Ledger, plan: Plan, now: float) -> str:
    """Do what a plan says before its act; what cannot be done is told, and the rest is done.

    The state goes first where links lead away from us: were it lost, we would be run as proven.

    Returns:
        Why the state could not be put, empty when it is on the disk.
    """
    if plan.act is Act.RETURN:
        trouble = _put(ledger, plan)
        return trouble or _move(files, folder, plan, now)
    _move(files, folder, plan, now)
    return _put(ledger, plan)


def tidy(files: Files, folder: str, ledger: Ledger, *, own: str) -> tuple[str, ...]:
    """Unlink versions that nothing needs any more, and what cuts left behind.

    Whoever moves a link without care takes it away for a moment (the manager script does): nothing
    goes while one of them cannot be read, or `Reagent-active` is not ours.

    Args:
        files: the disk.
        folder: that of `Reagent-active`.
        ledger: names the trial, and what is being made.
        own: the file of the version that runs; it stays whatever the links say.

    Returns:
        The names that are gone.
    """
    state = ledger.state
    held = {*ledger.in_use, own}
    if state.trial is not None:
        held |= {state.trial.file, state.trial.back}
    names = files.list(folder)
    try:
        held |= _linked(files, folder, names)
    except OSError:
        return ()
    known = links.look(files, folder)
    if known.active != own or not known.previous:
        return ()
    stale = [name for name in names if _VERSION_FILE.fullmatch(name) and name not in held]
    gone = moves.sweep(files, folder, names)
    gone += [name for name in sorted(stale) if moves.unlinked(files, f"{folder}/{name}")]
    with suppress(OSError):
        gone += drafts.tidy(files, folder, ledger)
    return tuple(gone)


def tidy_copy(files: Files, folder: str, ledger: Ledger, *, own: str) -> tuple[str, ...]:
    """Unlink what copies staged here that nobody ever tried, but for the newest of it.

    A copy switches no versions, and has no say about those of others. So what goes is what shows by
    its date that it was staged by one of us and never proven; and nothing goes that a link names,
    or that the state names as it is now: it may be another process's.

    Args:
        files: the disk.
        folder: where the copy stages.
        ledger: names what is being made.
        own: the file of the version that runs, where it lies there.

    Returns:
        The names that are gone.
    """
    state = Ledger(files, folder).state
    if state.trial is not None or state.spoiled:
        return ()
    held = {*ledger.in_use, own}
    if state.committed is not None:
        held |= {state.committed.file, state.committed.back}
    names = files.list(folder)
    try:
        held |= _linked(files, folder, names)
        staged = [name for name in names if _was_staged(files, folder, name)]
    except OSError:
        return ()
    newest = ""
    for name in staged:
        if not newest or version_of(name) == higher(version_of(name), version_of(newest)):
            newest = name
    stale = sorted(set(staged) - held - {newest})
    return tuple(name for name in stale if moves.unlinked(files, f"{folder}/{name}"))


def _linked(files: Files, folder: str, names: Sequence[str]) -> set[str]:
    """The files that any link of the folder names, whether they are there or not."""
    return {
        files.readlink(f"{folder}/{name}").rpartition("/")[2]
        for name in names
        if files.lstat(f"{folder}/{name}").kind is Kind.LINK
    }


def _was_staged(files: Files, folder: str, name: str) -> bool:
    if not _VERSION_FILE.fullmatch(name):
        return False
    found = files.lstat(f"{folder}/{name}")
    return found.kind is Kind.FILE and found.mtime == OLDEST


def _move(files: Files, folder: str, plan: Plan, now: float) -> str:
    trouble = ""
    try:
        if plan.newest:
            links.make_newest(files, folder, plan.newest, now)
    except OSError as error:
        trouble = str(error)
    for name, file in plan.links:
        try:
            links.set_link(files, folder, name, file)
        except OSError as error:
            trouble = str(error)
            if name == ACTIVE:
                break
    return trouble


def _put(ledger: Ledger, plan: Plan) -> str:
    try:
        ledger.change(lambda _: plan.state)
    except OSError as error:
        return str(error)
    return ""
