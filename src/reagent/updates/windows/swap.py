"""Where a `reagent.exe` of the field put us in its place: its marker, and the way back to it.

    at_start    what a start makes of the marker: count, go on, or put the one before back
    healthy     the new one ran long enough

A program that runs cannot be replaced on Windows, but it can be given another name: agents of the
field do so (docs/contract/system.md 5.3), this one never does (decision 0019).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from reagent import log
from reagent.contracts.files import Files, Kind
from reagent.updates.windows.marker import Marker, MarkerFile, Phase

_log = log.get(__name__)

LAUNCHER: Final = "reagent.exe"
PREVIOUS_LAUNCHER: Final = "reagent-prev.exe"
HEALTHY_AFTER_S: Final = 120.0
MOST_ATTEMPTS: Final = 3


class Start(Enum):
    """What a start is to do."""

    GO_ON = "be the service"
    GIVE_WAY = "end, so that the service manager starts what is in place now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder of `reagent.exe`, and what this process can do there."""

    files: Files
    folder: str
    marker: MarkerFile


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


def _is_file(files: Files, path: str) -> bool:
    try:
        return files.lstat(path).kind is Kind.FILE
    except OSError:
        return False
