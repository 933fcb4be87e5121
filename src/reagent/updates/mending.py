"""Links that name nothing, mended: for a device that would not start, or after hands in its folder.

What `Reagent-active` is pointed at was proven on this device: the version that was committed last,
else the one to fall back to, else the factory's. A file that is merely there is never taken.
Where this version gave way to what was here before it, links are as that needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from reagent.contracts.files import Files, Kind
from reagent.errors import Refused
from reagent.updates import links
from reagent.updates.repairs import is_blocked, repairs
from reagent.updates.state import State
from reagent.updates.vocabulary import ACTIVE, ARRIVAL, FACTORY, LATEST


def mend(files: Files, folder: str, state: State, now: float) -> tuple[tuple[str, str], ...]:
    """Set the links that need it, `Reagent-active` first: whatever is cut, the device starts.

    Args:
        files: the folder's.
        folder: of `Reagent-active`.
        state: of `updates.json`.
        now: seconds since 1970, as the device believes.

    Returns:
        Pairs of a link and the file that it names now; empty when all was well.

    Raises:
        Refused: nothing that was proven is there to be started.
        OSError: a link cannot be set; those before it are.
    """
    wanted = plan(files, folder, state)
    for name, file in wanted:
        if name == LATEST:  # the manager script takes the newest file for it
            links.make_newest(files, folder, file, now)
        links.set_link(files, folder, name, file)
    return wanted


def plan(files: Files, folder: str, state: State) -> tuple[tuple[str, str], ...]:
    """What `mend` does.

    Raises:
        Refused: see there.
    """
    known = links.look(files, folder)
    trial = state.trial
    if trial is not None and trial.kind == ARRIVAL and known.active == trial.back != "":
        return ()

    def bad(file: str) -> bool:
        return is_blocked(state, file, lambda name: links.digest(files, folder, name))

    active = known.active or _proven(files, folder, state, known, bad)
    fixes = repairs(known, active, bad)
    return fixes if known.active else ((ACTIVE, active), *fixes)


def _proven(
    files: Files, folder: str, state: State, known: links.Links, bad: Callable[[str], bool]
) -> str:
    committed = state.committed
    if (
        committed is not None
        and state.block_of(committed.sha256) is None
        and links.digest(files, folder, committed.file) == committed.sha256
    ):
        return committed.file
    for file in (known.previous, FACTORY):
        with suppress(OSError):
            if file and files.lstat(f"{folder}/{file}").kind is Kind.FILE and not bad(file):
                return file
    raise Refused(
        f"{folder}: Reagent-active names nothing, and no version that was proven here is left:"
        " copy an executable there and link it by hand, or flash the device anew"
    )
