"""What may stand in a log line: plain JSON types, and nothing secret.

Three nets. A value that was given to `protect` is cut out wherever it stands; so is what stands
before the `@` of a URL; a field whose name says that it holds a secret is not shown at all, and of
an environment only its size is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Final

REDACTED: Final = "[redacted]"

_SECRET_NAMES: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "cookie",
    "authorization",
    "signature",
    "private_key",
    "privatekey",
    "cred_key",
    "identitytoken",
)
_ENVIRONMENT_NAMES: Final = frozenset(
    {"env", "environ", "environment", "environment_variables", "environment_template"}
)
# Shorter values would cut ordinary words out of every line without protecting anything.
_SHORTEST_SECRET: Final = 4
_DEEPEST: Final = 6
_LONGEST_TEXT: Final = 64 * 1024

_protected: list[str] = []


def protect(*secrets: str) -> None:
    """Keep these values out of every line from now on, whatever field or text they stand in.

    Of a text of several lines, such as a private key, each line is protected by itself. Values of
    fewer than four characters cannot be: they are part of ordinary words.
    """
    known = set(_protected)
    for secret in secrets:
        for line in secret.splitlines():
            text = line.strip()
            if len(text) < _SHORTEST_SECRET or text.startswith("-----"):
                continue
            # Also as it looks inside a JSON text or a Python repr.
            known.update({text, json.dumps(text)[1:-1], repr(text)[1:-1]})
    # The longest first: one secret may be the beginning of another.
    _protected[:] = sorted(known, key=lambda text: (-len(text), text))


def forget() -> None:
    """Protect nothing any more."""
    _protected.clear()


def hide(text: str) -> str:
    """The text without any protected value, and of a bearable length."""
    for secret in _protected:
        if secret in text:
            text = text.replace(secret, REDACTED)
    if "://" in text and "@" in text:
        text = _without_logins(text)
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + f"[... {len(text) - _LONGEST_TEXT} more]"
    return text


def shown(name: str, value: object, depth: int = 0) -> object:
    """The value of a field as it may be written."""
    if value is None or isinstance(value, bool):
        return value
    if value != "" and _names_a_secret(name):
        return REDACTED
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, int | float):
        return value if isinstance(value, int) or isfinite(value) else str(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _shown_collection(name, value, depth)
    return _shown_object(value)


def _shown_collection(
    name: str,
    value: Mapping[object, object]
    | list[object]
    | tuple[object, ...]
    | set[object]
    | frozenset[object],
    depth: int,
) -> object:
    if name.lower() in _ENVIRONMENT_NAMES:
        return f"[{len(value)} variables]"
    if depth == _DEEPEST:
        return "[...]"
    if isinstance(value, Mapping):
        return {hide(str(key)): shown(str(key), inner, depth + 1) for key, inner in value.items()}
    return [shown(name, inner, depth + 1) for inner in value]


def _shown_object(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if isinstance(value, BaseException):
        return hide(str(value) or type(value).__name__)
    return hide(str(value))


def _without_logins(text: str) -> str:
    """`https://user:password@host` loses what stands before the `@`."""
    first, *rest = text.split("://")
    for number, part in enumerate(rest):
        end = next(
            (at for at, character in enumerate(part) if character in "/?# \t\n\"'"), len(part)
        )
        login, at, host = part[:end].rpartition("@")
        if at and login != REDACTED:
            rest[number] = f"{REDACTED}@{host}{part[end:]}"
    return "://".join([first, *rest])


def _names_a_secret(name: str) -> bool:
    lower = name.lower()
    return any(word in lower for word in _SECRET_NAMES)
