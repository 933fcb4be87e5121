"""What python-tuf says, in our words: which rule refused something, and what was verified."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tuf.api import metadata as tuf
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    SlowRetrievalError,
    UnsignedMetadataError,
)

from reagent.contracts.trust import ROLES, Keys, Rule, Signed, Target
from reagent.errors import Untrusted

# The extra field in which our pipeline says when it signed; seconds are enough.
ISSUED: Final = "issued"
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"

# Kinds of error that stand for one rule, the more special first.
_RULES: Final = (
    (ExpiredMetadataError, Rule.FREEZE),
    (LengthOrHashMismatchError, Rule.MIX_AND_MATCH),
    (DownloadLengthMismatchError, Rule.ENDLESS_DATA),
    (SlowRetrievalError, Rule.SLOW_RETRIEVAL),
)
# Two are told apart by their texts alone. tests/unit/adapters/tuf holds them to that.
_SIGNED_BY_NONE: Final = re.compile(r"was signed by 0/")
_ANOTHER_THAN_NAMED: Final = re.compile(r"Expected (snapshot version|targets v)\s?\d")
_LOST: Final = re.compile(r"New snapshot is missing info")


def rule_of(error: Exception) -> Rule:
    """The rule that refused something."""
    for kind, rule in _RULES:
        if isinstance(error, kind):
            return rule
    text = str(error)
    if isinstance(error, UnsignedMetadataError):
        return Rule.UNKNOWN_KEY if _SIGNED_BY_NONE.search(text) else Rule.UNMET_THRESHOLD
    if isinstance(error, BadVersionNumberError):
        return Rule.MIX_AND_MATCH if _ANOTHER_THAN_NAMED.match(text) else Rule.ROLLBACK
    return Rule.ROLLBACK if _LOST.match(text) else Rule.NO_METADATA


def untrusted(error: Exception) -> Untrusted:
    """The error that a look ends with."""
    cause = error.__cause__
    text = str(error) or type(error).__name__
    if isinstance(error, RepositoryError) and cause is not None and str(cause) not in text:
        text = f"{text}: {cause}"
    refused = Untrusted(rule_of(error), text[:300])
    refused.__cause__ = error
    return refused


def keys_of(root: tuf.Root) -> dict[str, Keys]:
    """Whose signatures each role needs."""
    return {
        role: Keys(frozenset(root.roles[role].keyids), root.roles[role].threshold) for role in ROLES
    }


def signed_of(part: tuf.Signed) -> Signed:
    """What is known of a role's metadata."""
    return Signed(
        version=part.version,
        issued=_moment(part.unrecognized_fields.get(ISSUED)),
        expires=part.expires.timestamp(),
    )


def targets_of(part: tuf.Targets) -> dict[str, Target]:
    """The files that were signed for."""
    return {
        path: Target(file.length, file.hashes.get("sha256", "").lower(), _custom(file.custom))
        for path, file in part.targets.items()
    }


def _custom(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> float:
    if not isinstance(value, str):
        return 0.0
    try:
        return datetime.strptime(value, _FORM).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
