"""`update-state.json`: what happened to `reagent.exe`, for whichever agent starts as it next.

The reference's agents write it when they let us in, and read it when we gave way to them
(docs/contract/system.md 5.3). What cannot be read is as good as absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reagent.contracts.files import Files
from reagent.updates import moves

NAME: Final = "update-state.json"
_LARGEST: Final = 64 * 1024


class Phase(StrEnum):
    """How far it is."""

    SWAPPING = "swapping"
    PROBATION = "probation"
    ROLLED_BACK = "rolledback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The content.

    Attributes:
        new: the version that was put in; in `ROLLED_BACK` the one that must not come again.
        old: the one before.
        attempts: starts of the new one that nobody saw prove itself.
    """

    phase: Phase
    new: str
    old: str
    attempts: int = 0


class MarkerFile:
    """The marker on the disk.

    Args:
        now: the time, RFC 3339 in UTC.
    """

    def __init__(self, files: Files, folder: str, now: Callable[[], str]) -> None:
        self._files = files
        self._path = f"{folder}/{NAME}"
        self._now = now

    def read(self) -> Marker | None:
        """What it says; None where there is none, or nothing that can be read."""
        try:
            return decode(self._files.read(self._path, _LARGEST))
        except OSError:
            return None

    def put(self, marker: Marker) -> None:
        """Have it say this.

        Raises:
            OSError: it says what it said.
        """
        moves.put(self._files, self._path, encode(marker, self._now()))

    def clear(self) -> None:
        """Have none.

        Raises:
            OSError: it is still there.
        """
        try:
            self._files.unlink(self._path)
        except FileNotFoundError:
            return


def decode(content: bytes) -> Marker | None:
    """What this content means, None when it means nothing."""
    try:
        document = json.loads(content)
        return Marker(
            phase=Phase(document["phase"]),
            new=str(document["new_version"]),
            old=str(document.get("old_version") or ""),
            attempts=max(int(document.get("attempts") or 0), 0),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def encode(marker: Marker, at: str) -> bytes:
    """The file's content."""
    document = {
        "phase": marker.phase.value,
        "new_version": marker.new,
        "old_version": marker.old,
        "attempts": marker.attempts,
        "updated_at": at,
    }
    return json.dumps(document, indent=2).encode()
