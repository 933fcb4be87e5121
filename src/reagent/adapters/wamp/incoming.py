"""What a router says, as messages of autobahn's classes; pure (docs/contract/wamp.md 1.3, 9.2).

autobahn takes a message with one odd detail for none at all, and a URI that is no proper one for
the end of everything. Routers and backends are not ours, and a caller waits for an answer whatever
else stands beside his name: so of details only what is used is looked at, and what is of the wrong
kind there counts as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from reagent.adapters.wamp.library import ProtocolError, message

_PARSERS: Final[dict[int, Callable[[list[object]], object]]] = {
    kind.MESSAGE_TYPE: kind.parse
    for kind in (
        message.Challenge,
        message.Welcome,
        message.Abort,
        message.Goodbye,
        message.Error,
        message.Published,
        message.Subscribed,
        message.Unsubscribed,
        message.Event,
        message.Result,
        message.Registered,
        message.Unregistered,
        message.Invocation,
        message.Interrupt,
    )
}
_WELCOME: Final[int] = message.Welcome.MESSAGE_TYPE
_ERROR: Final[int] = message.Error.MESSAGE_TYPE
_INVOCATION: Final[int] = message.Invocation.MESSAGE_TYPE

# Where details stand, and what of them is used.
_DETAILS: Final[Mapping[int, tuple[int, Mapping[str, type]]]] = {
    message.Abort.MESSAGE_TYPE: (1, {"message": str}),
    message.Goodbye.MESSAGE_TYPE: (1, {}),
    _ERROR: (3, {}),
    message.Event.MESSAGE_TYPE: (3, {"topic": str}),
    message.Result.MESSAGE_TYPE: (2, {"progress": bool}),
    message.Unregistered.MESSAGE_TYPE: (2, {"registration": int}),
    message.Unsubscribed.MESSAGE_TYPE: (2, {"subscription": int}),
    _INVOCATION: (3, {"caller_authid": str, "timeout": int}),
    message.Interrupt.MESSAGE_TYPE: (2, {}),
}
# Where a reason stands.
_URIS: Final[Mapping[int, int]] = {
    message.Abort.MESSAGE_TYPE: 2,
    message.Goodbye.MESSAGE_TYPE: 2,
    _ERROR: 4,
}
_URI: Final = re.compile(r"([^\s.#]+\.)*[^\s.#]+")
NO_URI: Final = "wamp.error.invalid_uri"
_SIDES: Final = ("broker", "dealer")
_CALLER: Final = "caller_authid"


def decode(payload: bytes) -> object:
    """One message of autobahn's classes.

    Raises:
        ProtocolError: it is none, or of a kind that a client does not get.
    """
    try:
        raw = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from error
    if not isinstance(raw, list) or not raw or not isinstance(raw[0], int):
        raise ProtocolError("not a WAMP message")
    kind = raw[0]
    parse = _PARSERS.get(kind)
    if parse is None:
        raise ProtocolError(f"a client does not get messages of type {kind}")
    _simplify(kind, raw)
    try:
        return parse(raw)
    except ProtocolError:
        raise
    except Exception as error:  # what else its parsers raise is no promise of theirs
        raise ProtocolError(f"unusable message of type {kind}: {error}") from error


def invocation_in(payload: bytes) -> int | None:
    """The number of an INVOCATION that could not be decoded: its caller waits for an answer."""
    try:
        raw = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, list) or raw[:1] != [_INVOCATION]:
        return None
    return raw[1] if len(raw) > 1 and isinstance(raw[1], int) else None


def _simplify(kind: int, raw: list[object]) -> None:
    """Leave what is used, in the forms that autobahn takes."""
    if kind == _WELCOME:
        _only_sides(raw)
    if kind in _DETAILS:
        at, used = _DETAILS[kind]
        if len(raw) > at + 2 and raw[-1] is None:
            raw.pop()  # no keywords, in the words of some routers
        details = raw[at] if len(raw) > at else None
        if details and isinstance(details, dict):
            raw[at] = _only_used(details, used)
    at = _URIS.get(kind, len(raw))
    if at < len(raw) and not _is_uri(raw[at]):
        _set_aside(kind, raw, at)


def _only_sides(raw: list[object]) -> None:
    """Of WELCOME it counts that the router is a broker or a dealer; what it can, shows."""
    details = raw[2] if len(raw) > 2 else None
    roles = details.get("roles") if isinstance(details, dict) else None
    if isinstance(roles, dict):
        raw[2] = {"roles": {side: {} for side in _SIDES if side in roles}}


def _only_used(details: Mapping[str, object], used: Mapping[str, type]) -> dict[str, object]:
    kept = {name: details[name] for name, kind in used.items() if type(details.get(name)) is kind}
    caller = details.get(_CALLER)
    if _CALLER in used and caller is not None and _CALLER not in kept:
        kept[_CALLER] = json.dumps(caller)  # an account is known by the text of its number
    return kept


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and _URI.fullmatch(value) is not None


def _set_aside(kind: int, raw: list[object], at: int) -> None:
    """Put a reason that is no URI where its text is read all the same."""
    said, raw[at] = raw[at], NO_URI
    text = said if isinstance(said, str) else json.dumps(said)
    if kind == _ERROR:
        rest = raw[at + 1] if len(raw) > at + 1 else None
        raw[at + 1 : at + 2] = [[text, *rest] if isinstance(rest, list) else [text]]
    elif isinstance(details := raw[1], dict):
        details.setdefault("message", text)
