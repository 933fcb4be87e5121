"""Metadata that somebody signed, as The Update Framework lays it out, and why it is refused.

Four roles vouch for each other: `root` names everybody's keys, `timestamp` names the newest
`snapshot`, that the newest `targets`, and that every file with its length and digest. Whoever
implements `Attested` verifies signatures, thresholds, order and expiry; what a device has seen
before, what time it is, and what a file is for, is decided in `updates.trust`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from reagent.errors import ReagentError

ROOT: Final = "root"
TIMESTAMP: Final = "timestamp"
SNAPSHOT: Final = "snapshot"
TARGETS: Final = "targets"
ROLES: Final = (ROOT, TIMESTAMP, SNAPSHOT, TARGETS)


class Rule(StrEnum):
    """Why something is refused; the words of the log, of `updates.json` and of the documents."""

    ROLLBACK = "rollback"
    """It is older than what this device saw before."""
    FREEZE = "freeze"
    """It is not valid any more: newer ones are being kept from us, or were never signed."""
    MIX_AND_MATCH = "mix-and-match"
    """Parts that were never published together."""
    UNKNOWN_KEY = "unknown-key"
    """No key that counts signed it."""
    UNMET_THRESHOLD = "unmet-threshold"
    """Keys that count signed it, and too few of them."""
    NO_METADATA = "no-metadata"
    """It is something else than signed metadata of that role: a portal's page, a torn file."""
    ENDLESS_DATA = "endless-data"
    """It is longer than there may be."""
    SLOW_RETRIEVAL = "slow-retrieval"
    """It is kept from us byte by byte."""
    UNLISTED = "unlisted"
    """Nobody signed for a file of that name."""
    WRONG_TARGET = "wrong-target"
    """It was signed for something else: another product, system, architecture or version."""
    WRONG_CONTENT = "wrong-content"
    """It is not the content that was signed for."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Whose signatures a role needs, and how many of them."""

    ids: frozenset[str]
    threshold: int


@dataclass(frozen=True, slots=True)
class Signed:
    """What is known of the metadata of a role.

    Attributes:
        issued: when it was signed, as its signer says; seconds since 1970, 0.0 where nobody says.
        expires: seconds since 1970.
    """

    version: int
    issued: float
    expires: float


@dataclass(frozen=True, slots=True)
class Target:
    """A file that was signed for.

    Attributes:
        sha256: in lower-case hex, empty where it is not among its digests.
        custom: what else its signer says of it.
    """

    length: int
    sha256: str
    custom: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """Metadata as it was fetched and verified; what a device keeps, and what makes it sceptical.

    Attributes:
        roots: by their versions, those after the one that the executable brings.
        others: the newest of each of the other three.
    """

    roots: Mapping[int, bytes] = field(default_factory=dict)
    others: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at the metadata brought.

    Attributes:
        chain: what is verified now. Where it was refused, the roots alone may have grown.
        keys: of each role, as the newest root that is trusted names them.
        signed: of each role that is verified: where it was refused, of the root alone.
        targets: by path; empty where it was refused.
        refused: why it was; None where everything is verified.
    """

    chain: Chain
    keys: Mapping[str, Keys]
    signed: Mapping[str, Signed]
    targets: Mapping[str, Target] = field(default_factory=dict)
    refused: ReagentError | None = None


Fetch = Callable[[str, int], Awaitable[bytes]]
"""Brings the metadata file of a name, of so many bytes at most; raises `DownloadFailed`."""


class Attested(Protocol):
    """Verifies metadata."""

    async def look(
        self,
        fetch: Fetch,
        known: Chain,
        *,
        at: float,
        any_timestamp: bool = False,
    ) -> Verdict:
        """Fetch what is new and verify all of it.

        Args:
            fetch: brings a file.
            known: what was verified here before; what is torn in it is as good as absent.
            at: when "expired" is asked, in seconds since 1970.
            any_timestamp: take a timestamp that is expired, and nothing else that is.

        Raises:
            StagingFailed: there is no room to work in.
        """
        ...
