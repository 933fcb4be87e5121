"""WAMP-CRA, plain and salted (docs/contract/wamp.md 1.3), with the standard library alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from reagent.errors import DialFailed

DEFAULT_ITERATIONS = 1000
DEFAULT_KEYLEN = 32
# A router that is not ours could keep a device computing for hours.
MAX_ITERATIONS = 1_000_000
MAX_KEYLEN = 1024


def signature(secret: str, extra: Mapping[str, object]) -> str:
    """What AUTHENTICATE carries.

    Args:
        secret: the device secret, as it stands in the device file.
        extra: the dict of CHALLENGE: `challenge`, and for a salted secret `salt`, `iterations`,
            `keylen`; a zero counts as missing.

    Raises:
        DialFailed: the challenge is not one.
    """
    challenge = extra.get("challenge")
    if not isinstance(challenge, str):
        raise DialFailed("the router sent a challenge without text")
    digest = hmac.new(_key(secret, extra), challenge.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _key(secret: str, extra: Mapping[str, object]) -> bytes:
    salt = extra.get("salt")
    if not isinstance(salt, str) or not salt:
        return secret.encode()
    iterations = _count(extra, "iterations", DEFAULT_ITERATIONS, MAX_ITERATIONS)
    keylen = _count(extra, "keylen", DEFAULT_KEYLEN, MAX_KEYLEN)
    derived = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt.encode(), iterations, keylen)
    return base64.b64encode(derived)


def _count(extra: Mapping[str, object], name: str, default: int, highest: int) -> int:
    value = extra.get(name) or default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= highest:
        raise DialFailed(f"the router sent a challenge with {name} {value!r}")
    return value
