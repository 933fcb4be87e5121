"""What is signed for no longer: every device fetches the whole list for every release. Pure.

Kept are the newest versions, and those that a roll-out names. What goes lies in the bucket still,
and is signed for again when it is published again: builds are reproducible.
"""

from collections.abc import Collection, Iterable
from functools import cmp_to_key
from typing import Final

from reagent_release import versions

KEPT: Final = 20
_PARTS: Final = 4


def outdated(paths: Iterable[str], named: Collection[str], kept: int = KEPT) -> tuple[str, ...]:
    """The paths that go.

    Args:
        paths: that are signed for; `<os>/<arch>/<version>/<file>`, anything else stays.
        named: versions that stay, however old.
        kept: how many of the newest stay beside them.
    """
    by_version: dict[str, list[str]] = {}
    for path in paths:
        parts = path.split("/")
        if len(parts) == _PARTS:
            by_version.setdefault(parts[2], []).append(path)
    newest = sorted(by_version, key=cmp_to_key(_compared), reverse=True)
    return tuple(
        path
        for version in newest[kept:]
        if version not in named
        for path in sorted(by_version[version])
    )


def _compared(one: str, other: str) -> int:
    return versions.lower(other, one) - versions.lower(one, other)
