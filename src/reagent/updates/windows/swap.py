"""Another `reagent.exe` in place of the one that runs, and the way back (system.md 5.3).

    activate    the two renames, when the one that runs asks for a newer one
    at_start    what a start makes of the marker: count, go on, or put the one before back
    healthy     the new one ran long enough

A program that runs cannot be replaced on Windows, but it can be given another name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from reagent import log
from reagent.contracts.files import Files, Kind
from reagent.errors import Failed, Refused
from reagent.updates import moves
from reagent.updates.vocabulary import VERSION_FILE
from reagent.updates.windows.marker import Marker, MarkerFile, Phase

_log = log.get(__name__)

LAUNCHER: Final = "reagent.exe"
PREVIOUS_LAUNCHER: Final = "reagent-prev.exe"
HEALTHY_AFTER_S: Final = 120.0
MOST_ATTEMPTS: Final = 3
_RENAMES: Final = 5
_RENAME_AGAIN_S: Final = 0.3


class Start(Enum):
    """What a start is to do."""

    GO_ON = "be the service"
    GIVE_WAY = "end, so that the service manager starts what is in place now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder of `reagent.exe`, and what this process can do there.

    Attributes:
        running: the path that this process was started as.
        says: what a file answers to `-version`; raises `OSError` when it does not run.
        suspicion: what is wrong with a file's signature, empty when nothing is.
        enforced: such a file is refused, not only spoken of.
        sleep: seconds.
    """

    files: Files
    folder: str
    marker: MarkerFile
    running: str
    says: Callable[[str], str]
    sleep: Callable[[float], None]
    suspicion: Callable[[str], str] = lambda _: ""
    enforced: bool = False


def activate(place: Place, new: str, current: str) -> None:
    """Put a version that was downloaded in place; it runs when the service is started next.

    Raises:
        Refused: it is not for this process to do, or not this file; nothing was touched.
        Failed: the disk refused. What runs is in place, but for the one case that the text names.
    """
    files, folder = place.files, place.folder
    active, previous = f"{folder}/{LAUNCHER}", f"{folder}/{PREVIOUS_LAUNCHER}"
    download = f"{folder}/{VERSION_FILE}{new}.exe"
    _demand_fresh(place, new)
    if _comparable(place.running) != _comparable(active):
        raise Refused(f"{place.running} is not the service's {active}")
    _demand_whole(place, download, new)
    moves.drop(files, previous)
    place.marker.put(Marker(phase=Phase.SWAPPING, new=new, old=current))
    try:
        _rename(place, active, previous)
    except OSError as error:
        place.marker.clear()
        raise Failed(f"{active} cannot be renamed: {_why(error)}") from error
    try:
        files.rename(download, active)
    except OSError as error:
        _restore(place, previous, active)
        raise Failed(f"{download} cannot be put in place: {_why(error)}") from error
    files.fsync(folder)
    place.marker.put(Marker(phase=Phase.PROBATION, new=new, old=current))


def at_start(place: Place, running: str) -> Start:
    """What a start of the service makes of the marker; never an error.

    Args:
        place: of `reagent.exe`.
        running: the version that this process is.
    """
    try:
        return _at_start(place, running, place.marker.read())
    except OSError as error:
        _log.warning("the marker of the last update cannot be kept", error=error)
        return Start.GO_ON


def healthy(place: Place) -> None:
    """This start ran for `HEALTHY_AFTER_S`: its version may stay. What is blocked stays so.

    Raises:
        OSError: the next start counts on.
    """
    marker = place.marker.read()
    if marker is not None and marker.phase is Phase.PROBATION:
        place.marker.clear()


def _at_start(place: Place, running: str, marker: Marker | None) -> Start:
    if marker is None or marker.phase is Phase.ROLLED_BACK:
        return Start.GO_ON
    if marker.phase is Phase.PROBATION and running == marker.old != marker.new:
        place.marker.put(replace(marker, phase=Phase.ROLLED_BACK))
        return Start.GO_ON
    if marker.phase is Phase.SWAPPING or running != marker.new:
        place.marker.clear()
        return Start.GO_ON
    if marker.attempts < MOST_ATTEMPTS:
        place.marker.put(replace(marker, attempts=marker.attempts + 1))
        return Start.GO_ON
    return _roll_back(place, marker)


def _roll_back(place: Place, marker: Marker) -> Start:
    files, folder = place.files, place.folder
    active, previous = f"{folder}/{LAUNCHER}", f"{folder}/{PREVIOUS_LAUNCHER}"
    quarantine = f"{folder}/reagent-failed-v{marker.new}.exe"
    if not _is_file(files, previous):
        _log.warning("the version in place fails, and there is none before", version=marker.new)
        return Start.GO_ON
    try:
        files.rename(active, quarantine)
    except OSError as error:
        _log.warning("the version in place cannot be taken away", error=error)
        return Start.GO_ON
    try:
        files.rename(previous, active)
    except OSError as error:
        # The place must not be left empty: a version that fails is more than none.
        _log.warning("the version before cannot be put in place", error=error)
        with suppress(OSError):
            files.rename(quarantine, active)
        return Start.GO_ON
    with suppress(OSError):  # else the one before, which runs next, says it
        files.fsync(folder)
        place.marker.put(replace(marker, phase=Phase.ROLLED_BACK))
    _log.warning("gone back", failed=marker.new, version=marker.old)
    return Start.GIVE_WAY


def _demand_fresh(place: Place, new: str) -> None:
    marker = place.marker.read()
    if marker is None or marker.phase is not Phase.ROLLED_BACK:
        return
    if marker.new == new:
        raise Refused(f"version {new} failed here before")
    place.marker.clear()


def _demand_whole(place: Place, download: str, new: str) -> None:
    try:
        found = place.files.lstat(download)
        if found.kind is not Kind.FILE or not found.size:
            raise Refused(f"{download} is no program")
        said = place.says(download).strip()
    except OSError as error:
        raise Refused(f"{download}: {_why(error)}") from error
    if said != new:
        raise Refused(f"{download} says that it is version {said!r}, not {new}")
    wrong = place.suspicion(download)
    if wrong and place.enforced:
        raise Refused(f"{download}: {wrong}")
    if wrong:
        _log.warning("the signature of a version is not what it should be", version=new, why=wrong)


def _rename(place: Place, path: str, to: str) -> None:
    """A scanner may have just opened it."""
    for attempt in range(1, _RENAMES + 1):
        try:
            place.files.rename(path, to)
        except OSError:
            if attempt == _RENAMES:
                raise
            place.sleep(_RENAME_AGAIN_S)
        else:
            return


def _restore(place: Place, previous: str, active: str) -> None:
    """Without a `reagent.exe` the marker stays: the repair at the next boot puts one there."""
    try:
        place.files.rename(previous, active)
    except OSError as error:
        raise Failed(
            f"{active} is missing, and {previous} cannot be put there: {_why(error)}"
        ) from error
    place.marker.clear()


def _comparable(path: str) -> str:
    return path.replace("\\", "/").casefold()


def _is_file(files: Files, path: str) -> bool:
    try:
        return files.lstat(path).kind is Kind.FILE
    except OSError:
        return False


def _why(error: OSError) -> str:
    return error.strerror or str(error)
