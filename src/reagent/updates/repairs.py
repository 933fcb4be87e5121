"""Links that must not stay as they are, and the bytes that must not come back. Pure.

A start asks it of itself (`decide`, and `quiet` at a glance), a person has it done (`mending`).
What is blocked is a digest: the same version may have been published again, with good bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from reagent.updates.links import Links
from reagent.updates.state import State
from reagent.updates.vocabulary import LATEST, PREVIOUS


def repairs(known: Links, active: str, bad: Callable[[str], bool]) -> tuple[tuple[str, str], ...]:
    """Links that are missing, dangle, or name what must not come back.

    Args:
        known: what they name.
        active: the file that every start runs; whether it is blocked is not asked here.
        bad: whether a file must not come back; asked only where another than `active` is named.

    Returns:
        Pairs of a link and the file that it has to name.
    """
    fixes = []
    if not known.previous or (known.previous != active and bad(known.previous)):
        fixes.append((PREVIOUS, active))
    if known.latest != active:
        fixes.append((LATEST, active))
    return tuple(fixes)


def is_blocked(state: State, file: str, digest: Callable[[str], str]) -> bool:
    """Whether a file's bytes must not come back.

    Args:
        state: as it is on the disk.
        file: of the folder.
        digest: of a file, empty where that cannot be read; asked only where something is blocked,
            and nobody remembers: it takes up to a second.
    """
    return (
        bool(state.blocked) and state.block_of(remembered(state, file) or digest(file)) is not None
    )


def remembered(state: State, file: str) -> str:
    """The digest of the file to fall back to, where it was looked at already; else empty."""
    mark = state.committed
    return mark.back_sha256 if mark is not None and mark.back == file else ""
