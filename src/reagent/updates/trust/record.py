"""What this device has seen of a signed bucket: the key `trust` of `updates.json`.

    seen       role -> {version, keys, issued}: the newest that was believed, and whose keys counted
    refused    {rule, why, at}: the last refusal, gone with the next success

It stands beside the metadata that is kept, so that losing or spoiling one of them is not enough to
be shown an older bucket. Reading never fails: what does not fit is as good as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reagent.contracts.trust import ROLES
from reagent.updates.state import State

KEY: Final = "trust"
_MOST_KEYS: Final = 32
_LATEST: Final = 1e12


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest metadata of a role that was believed.

    Attributes:
        keys: whose signatures counted then.
        issued: when it was signed, in seconds since 1970.
    """

    version: int
    keys: frozenset[str] = frozenset()
    issued: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused last.

    Attributes:
        at: seconds since 1970, as the device believed.
    """

    rule: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Record:
    """All of it."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    refused: Refusal | None = None


def of(state: State) -> Record:
    """What stands there."""
    value = state.other.get(KEY)
    if not isinstance(value, dict):
        return Record()
    seen = value.get("seen")
    pairs = seen.items() if isinstance(seen, dict) else ()
    found = {role: _seen(each) for role, each in pairs if role in ROLES}
    return Record(
        {role: each for role, each in found.items() if each is not None},
        _refusal(value.get("refused")),
    )


def within(state: State, record: Record) -> State:
    """The state with this record in it."""
    document: dict[str, object] = {
        "seen": {
            role: {"version": each.version, "keys": sorted(each.keys), "issued": each.issued}
            for role, each in record.seen.items()
        }
    }
    if record.refused is not None:
        refused = record.refused
        document["refused"] = {"rule": refused.rule, "why": refused.why, "at": refused.at}
    return replace(state, other={**state.other, KEY: document})


def _seen(value: object) -> Seen | None:
    if not isinstance(value, dict):
        return None
    version, keys, issued = value.get("version"), value.get("keys"), value.get("issued")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return None
    names = keys[:_MOST_KEYS] if isinstance(keys, list) else []
    return Seen(version, frozenset(key for key in names if isinstance(key, str)), _moment(issued))


def _refusal(value: object) -> Refusal | None:
    if not isinstance(value, dict):
        return None
    rule, why = value.get("rule"), value.get("why")
    if not isinstance(rule, str) or not isinstance(why, str):
        return None
    return Refusal(rule, why, _moment(value.get("at")))


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < _LATEST else 0.0
