"""The text of a device file: reading it as Go's JSON does, writing it as Go's JSON does.

Pure: bytes in, document out, and back (docs/contract/system.md 1). A document is a dict of every
known key in the platform's order, then whatever else stood there. Keys match in any case. A value
of the wrong type counts as absent for the agent, but stays in the file until somebody replaces it:
a WiFi password written as a number is still the WiFi password.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

Document = dict[str, object]


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it stands in the text, keys in order, twins included."""


@dataclass(frozen=True, slots=True)
class Key:
    """A known key: its type, what it is when absent, whether it is left out when empty."""

    name: str
    kind: type = str
    zero: object = ""
    left_out_when_empty: bool = False
    inner: tuple[Key, ...] = ()


def _any(name: str) -> Key:
    """A key of which the agent only knows that it keeps it."""
    return Key(name, object, None)


def _optional(name: str) -> Key:
    return Key(name, left_out_when_empty=True)


BOARD: Final = (
    Key("cpu"),
    _any("docs"),
    Key("board"),
    Key("model"),
    Key("boardname"),
    Key("modelname"),
    Key("reflasher", bool, zero=False),
    Key("architecture"),
)
AUTHENTICATION: Final = (Key("key"), Key("certificate"))

# The order in which they are written (docs/contract/system.md 1.1); the last one is ours.
KEYS: Final = (
    Key("name"),
    Key("secret"),
    Key("board", dict, inner=BOARD),
    Key("status"),
    Key("password"),
    Key("wlanssid"),
    Key("swarm_key", int, 0),
    Key("device_key", int, 0),
    Key("swarm_name"),
    _any("description"),
    Key("architecture"),
    Key("serial_number"),
    Key("authentication", dict, inner=AUTHENTICATION),
    Key("swarm_owner_name"),
    Key("config_passphrase"),
    Key("device_endpoint_url"),
    _optional("environment"),
    Key("docker_registry_url"),
    _optional("insecure-registries"),
    Key("docker_main_repository"),
    _optional("appliance_domain"),
    _optional("update_url"),
    Key("trust_system", bool, zero=None, left_out_when_empty=True),
)

_GO_INT: Final = range(-(2**63), 2**63)


def decode(content: bytes) -> Document:
    """Read a device file.

    Raises:
        ValueError: it is not exactly one JSON object; the text says why and quotes nothing.
    """
    try:
        text = content.decode("utf-8-sig", "replace")
        pairs = json.loads(
            text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is no JSON: nested too deep") from None
    if not isinstance(pairs, _Pairs):
        raise ValueError("it holds no JSON object")  # noqa: TRY004 - the text is at fault
    return _document(pairs, KEYS)


def encode(document: Mapping[str, object]) -> bytes:
    """The text as the platform's own agent writes it: one space a level, no newline at the end."""
    text = json.dumps(_written(document, KEYS), indent=1, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return _whole(text).encode()


def value(document: Mapping[str, object], *path: str) -> object:
    """What the agent sees under a key: the zero value of its type where another type stands."""
    keys: Sequence[Key] = KEYS
    here: object = document
    for name in path:
        key = next(key for key in keys if key.name == name)
        here = here.get(name) if isinstance(here, Mapping) else None
        if not _fits(here, key):
            here = key.zero
        keys = key.inner
    return here


def misfits(document: Mapping[str, object]) -> list[str]:
    """The known keys whose value is of the wrong type."""
    found = [key.name for key in KEYS if not _fits(document[key.name], key)]
    for key in KEYS:
        inner = document[key.name]
        if isinstance(inner, Mapping):
            found += [f"{key.name}.{k.name}" for k in key.inner if not _fits(inner[k.name], k)]
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"it is no JSON: {name}")


def _finite(text: str) -> float | None:
    """A number; one that no float holds is as good as null, and JSON has no word for infinity."""
    number = float(text)
    return number if isfinite(number) else None


def _document(pairs: _Pairs, keys: Sequence[Key]) -> Document:
    known = {key.name: key for key in keys}
    found: Document = {}
    others: Document = {}
    for name, given in pairs:
        key = known.get(name) or known.get(name.lower())
        if key is None:
            others[name] = _plain(given)
        elif key.inner and isinstance(given, _Pairs):
            found[key.name] = _document(given, key.inner)
        elif given is not None or key.kind is object:
            found[key.name] = _plain(given)
    for key in keys:
        found.setdefault(key.name, _document(_Pairs(), key.inner) if key.inner else key.zero)
    return {key.name: found[key.name] for key in keys} | others


def _written(document: Mapping[str, object], keys: Sequence[Key]) -> Document:
    left_out = {key.name for key in keys if key.left_out_when_empty}
    inner = {key.name: key.inner for key in keys if key.inner}
    return {
        name: _written(found, inner[name])
        if name in inner and isinstance(found, Mapping)
        else found
        for name, found in document.items()
        if not (name in left_out and found in ("", None))
    }


def _fits(found: object, key: Key) -> bool:
    if key.kind is object:
        return True
    if key.kind is int:
        return type(found) is int and found in _GO_INT
    return isinstance(found, key.kind) or (found is None and key.zero is None)


def _plain(given: object) -> object:
    """Objects become dicts; of twins the last one counts."""
    if isinstance(given, _Pairs):
        return {name: _plain(inner) for name, inner in given}
    if isinstance(given, list):
        return [_plain(inner) for inner in given]
    return _whole(given) if isinstance(given, str) else given


def _whole(text: str) -> str:
    """Half of a surrogate pair is U+FFFD, as to Go: it could not be sent, signed or dialled."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
