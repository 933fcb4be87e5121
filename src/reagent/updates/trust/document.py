"""Which version a channel runs, as it was signed for: the target `rollout/<number>.json`.

    {"format": 1, "versions": {"production": "1.4.0", "all": "1.4.0"},
     "stages": {"production": ...},         a version on its way through the fleet (`stages`)
     "back": {"production": ["1.5.0"]}}     who runs one of these goes to the channel's, downwards

Each roll-out is a file of its own that never changes, so there is no moment at which the list of
targets and the file do not belong together. The highest number that is listed counts. Keys that
this version does not know are left to those who do. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reagent.contracts.trust import Rule, Target
from reagent.errors import BadRelease, Untrusted
from reagent.updates.trust import policy, stages
from reagent.updates.trust.stages import Stage

PREFIX: Final = "rollout/"
SUFFIX: Final = ".json"
KIND: Final = "rollout"
LARGEST: Final = 64 * 1024
_EVERYBODY: Final = "all"


@dataclass(frozen=True, slots=True)
class Listed:
    """The document, where it lies and what it has to be."""

    path: str
    target: Target


def listed(targets: Mapping[str, Target]) -> Listed:
    """The newest one that was signed for.

    Raises:
        Untrusted: there is none, it is of another product, or longer than any.
    """
    path = policy.newest(targets, PREFIX, SUFFIX)
    if path is None:
        raise Untrusted(Rule.UNLISTED, "nobody signed for a roll-out")
    target = policy.vouched(targets, path, {"product": policy.PRODUCT, "kind": KIND})
    if target.length > LARGEST:
        raise Untrusted(Rule.ENDLESS_DATA, f"{path} has {target.length} bytes")
    return Listed(path, target)


def demand_content(expected: Listed, content: bytes) -> None:
    """Make sure that this is what was signed for.

    Raises:
        Untrusted: it is not.
    """
    if hashlib.sha256(content).hexdigest() != expected.target.sha256:
        raise Untrusted(Rule.WRONG_CONTENT, f"{expected.path} is not what was signed for")


@dataclass(frozen=True, slots=True)
class Channel:
    """What was signed for one environment.

    Attributes:
        version: for everybody.
        stage: on top of it, for some.
        back: the versions that are ordered back to it.
    """

    version: str
    stage: Stage | None = None
    back: frozenset[str] = frozenset()


def channel(content: bytes, environment: str) -> Channel:
    """What stands there for a channel, or for everybody.

    Raises:
        BadRelease: this is no document, or there is none for this channel.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadRelease("the roll-out that was signed is no JSON") from error
    versions = document.get("versions") if isinstance(document, dict) else None
    if not isinstance(versions, dict):
        raise BadRelease("the roll-out that was signed holds no versions")
    for key in (environment, _EVERYBODY):
        version = versions.get(key)
        if isinstance(version, str) and version:
            back = _of(document.get("back"), key)
            return Channel(
                version,
                stages.parsed(_of(document.get("stages"), key)),
                frozenset(each for each in back if isinstance(each, str))
                if isinstance(back, list)
                else frozenset(),
            )
    raise BadRelease(
        f"the roll-out names no version for {environment!r}, and none for {_EVERYBODY!r}"
    )


def _of(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
