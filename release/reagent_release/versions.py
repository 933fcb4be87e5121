"""`availableVersions.json`, and what counts as a version. Pure.

Source: docs/contract/system.md 4.2 and 4.3.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reagent_release.errors import Misused, ReleaseError

ENVIRONMENTS: Final = ("production", "test", "local", "all")
"""`all` is what devices of any other environment follow."""

# Semantic Versioning 2.0 without build metadata, which a URL would have to escape.
_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER: Final = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?", re.ASCII
)

_Rank = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]


class BrokenVersions(ReleaseError):
    """The text is no `availableVersions.json`."""


def check(version: str) -> str:
    """Hand the version back if devices can compare it and find it.

    Raises:
        Misused: a leading v, missing or extra parts, `latest`, build metadata, anything else.
    """
    if not _VERSION.fullmatch(version):
        raise Misused(f"{version!r} is no version: MAJOR.MINOR.PATCH, as 1.2.3 or 1.2.3-rc1")
    return version


def is_prerelease(version: str) -> bool:
    """Devices that run a release never take one (docs/contract/system.md 4.3)."""
    return "-" in version


def lower(version: str, than: str) -> bool:
    """Whether `version` is below `than`. A text that is no version never is."""
    mine, theirs = _VERSION.fullmatch(version), _VERSION.fullmatch(than)
    return bool(mine and theirs and _rank(mine) < _rank(theirs))


def _rank(found: re.Match[str]) -> _Rank:
    major, minor, patch, prerelease = found.groups()
    identifiers = tuple(
        (0, int(word), "") if word.isdecimal() else (1, 0, word)
        for word in (prerelease or "").split(".")
        if word
    )
    return int(major), int(minor), int(patch), int(prerelease is None), identifiers


def read(text: str) -> dict[str, str]:
    """Environment -> version, in the order of the text.

    Raises:
        BrokenVersions: no JSON, not an object of texts, or a key that stands there twice.
    """
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except ValueError as error:
        raise BrokenVersions(f"it is no JSON: {error}") from error
    if not isinstance(pairs, _Pairs):
        raise BrokenVersions("it is no JSON object of environment: version")
    found: dict[str, str] = {}
    for key, value in pairs:
        if not isinstance(value, str):
            raise BrokenVersions(f"the version of {key} is no text: {json.dumps(value)}")
        if key in found:
            raise BrokenVersions(f"{key} stands there twice")
        found[key] = value
    return found


class _Pairs(list[tuple[str, object]]):
    """An object of JSON, before keys that stand there twice are lost."""


def write(versions: Mapping[str, str]) -> str:
    """The text of the file, in the order of the keys."""
    return json.dumps(versions, indent=2, ensure_ascii=False) + "\n"


def edited(versions: Mapping[str, str], edits: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Point environments at versions; the order of the keys stays.

    Raises:
        Misused: an environment that the file does not know, or no version.
    """
    changed = dict(versions)
    for environment, version in edits:
        if environment not in changed and environment not in ENVIRONMENTS:
            known = ", ".join(dict.fromkeys((*changed, *ENVIRONMENTS)))
            raise Misused(f"{environment!r} is no environment; there are: {known}")
        changed[environment] = check(version)
    return changed


@dataclass(frozen=True, slots=True)
class Change:
    """What an environment was and will be pointed at; None where it was or will be unknown."""

    environment: str
    before: str | None
    after: str | None

    @property
    def moves(self) -> bool:
        """Whether devices notice."""
        return self.before != self.after


def compared(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Every environment of both, those of `after` first."""
    return tuple(
        Change(name, before.get(name), after.get(name)) for name in dict.fromkeys((*after, *before))
    )
