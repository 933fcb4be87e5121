"""The version that runs is given up by a person: for the one before it, or an older one on a stick.

It is blocked, so that no look brings it back, and runs on until the other one has proven itself.
"""

from __future__ import annotations

from reagent.errors import Refused
from reagent.updates import judge, links
from reagent.updates.seat import Role, Seat
from reagent.updates.state import State, Trial
from reagent.updates.vocabulary import ACTIVE, PREVIOUS, version_of


def roll_back(seat: Seat, why: str) -> Trial:
    """Have the version before tried, at the next start, like any other.

    Returns:
        What is tried.

    Raises:
        Refused: there is none, it is blocked, or this process has no say here.
        OSError: nothing is scheduled.
    """
    if seat.role is not Role.PROVEN:
        raise Refused(f"this agent was not started as {ACTIVE} and switches no versions")
    if not seat.own:
        raise Refused(f"{seat.folder}: {ACTIVE} names nothing (reagent update repair mends it)")
    previous = links.look(seat.files, seat.folder).previous
    if not previous:
        raise Refused(f"{seat.folder}: {PREVIOUS} names nothing, so there is no way back")
    if previous == seat.own:
        raise Refused(f"there is no version before {version_of(seat.own)} here to go back to")
    return _give_up_for(seat, _described(seat, previous), why)


def step_down(seat: Seat, brought: Trial, why: str) -> bool:
    """Have an older version tried that is staged, as a person brought it.

    Returns:
        False where it is staged only: this process switches no versions.

    Raises:
        Refused: it is blocked.
        OSError: nothing is scheduled.
    """
    if seat.role is not Role.PROVEN:
        return False
    _give_up_for(seat, brought, why)
    return True


def _give_up_for(seat: Seat, other: Trial, why: str) -> Trial:
    ours = _described(seat, seat.own)
    if ours.sha256 == other.sha256:
        raise Refused(f"{other.file} is the version that runs here, byte by byte")
    mark = judge.mark_of(ours)
    block = None

    def given_up(state: State) -> State:
        nonlocal block
        block = state.block_of(other.sha256)
        return state if block is not None else judge.rolled_back(state, mark, other, why)

    seat.ledger.change(given_up)
    if block is not None:
        raise Refused(
            f"version {other.version} is blocked here: {block.why}"
            f" (reagent update unblock {block.version} lets it come back)"
        )
    return other


def _described(seat: Seat, file: str) -> Trial:
    path = f"{seat.folder}/{file}"
    digest, size = seat.files.sha256(path), seat.files.lstat(path).size
    return Trial(file=file, version=version_of(file), sha256=digest, size=size)
