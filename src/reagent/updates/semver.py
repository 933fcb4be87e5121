"""Which of two versions is newer, as devices have always decided it (docs/contract/system.md 4.3).

A leading `v` and missing parts are accepted, missing parts are 0, build metadata is ignored. A
pre-release is an update only for a device that runs one: `1.2.4-rc1` is newer than `1.2.3` and
still nothing that a stable device takes. That is a rule of looks alone (`is_update`): what ran
here, waits for its trial, or was brought is ordered by precedence, as semantic versioning has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reagent.errors import BadVersion

_IDENTIFIERS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(
    rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?",
    re.ASCII,
)
# What can stand in a file's name and in the JSON on every platform; the reference's numbers end at
# 64 bits.
_LONGEST: Final = 100
_LARGEST: Final = (1 << 63) - 1

_Part = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Version:
    """A version taken apart; two that differ in build metadata alone are equal.

    Attributes:
        numbers: major, minor, patch.
        pre: the identifiers behind the hyphen, empty for a release.
    """

    numbers: tuple[int, int, int]
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Take a version apart.

        Raises:
            BadVersion: it is none: empty, `latest`, four parts, a blank around it.
        """
        found = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None:
            raise BadVersion(text)
        major, minor, patch = (int(found[group] or 0) for group in (1, 2, 3))
        if max(major, minor, patch) > _LARGEST:
            raise BadVersion(text)
        return cls((major, minor, patch), found[4] or "")

    def __str__(self) -> str:
        """All three parts and the pre-release; what files and trials are named by."""
        return ".".join(map(str, self.numbers)) + (f"-{self.pre}" if self.pre else "")

    def is_above(self, other: Version) -> bool:
        """Whether it has precedence, pre-releases below their release."""
        return self._precedence() > other._precedence()

    def _precedence(self) -> tuple[tuple[int, int, int], bool, tuple[_Part, ...]]:
        parts = tuple(_rank(each) for each in self.pre.split(".")) if self.pre else ()
        return self.numbers, not self.pre, parts


def is_update(current: str, latest: str) -> bool:
    """Whether a device that runs `current` takes `latest`.

    Raises:
        BadVersion: one of them is no version.
    """
    running, offered = Version.parse(current), Version.parse(latest)
    if offered.pre and not running.pre:
        return False
    return offered.is_above(running)


def same(one: str, other: str) -> bool:
    """Whether two texts name one version; what is no version is the same as nothing."""
    known = _known(one)
    return known is not None and known == _known(other)


def higher(one: str, other: str) -> str:
    """The higher of two by precedence; a text that is no version loses against every version."""
    first, second = _known(one), _known(other)
    if second is None or (first is not None and not second.is_above(first)):
        return one
    return other


def _known(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except BadVersion:
        return None


def _rank(identifier: str) -> _Part:
    """Numbers before words; numbers by value, words by their characters."""
    if identifier.isdigit():
        return (0, int(identifier), "")
    return (1, 0, identifier)
