"""Signed metadata as it lies in the bucket, and what the next of it says. Pure, but for `gather`.

    trust/<n>.root.json        every root; none is ever deleted
    trust/<n>.targets.json     every file, with length, SHA-256, and what it is for
    trust/<n>.snapshot.json    names the newest targets
    trust/timestamp.json       names the newest snapshot; the one object that is replaced

What is read back is verified against the keyring's own root before anything is added to it: whoever
may write to the bucket must not get his list of targets signed by us.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from reagent_release.errors import ObjectMissing, Refused
from reagent_release.store import ABSENT, Bucket

FOLDER: Final = "trust/"
TIMESTAMP: Final = f"{FOLDER}timestamp.json"
ISSUED: Final = "issued"
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"

LIFETIMES: Final[Mapping[str, timedelta]] = {
    "root": timedelta(days=3652),
    "targets": timedelta(days=365),
    "snapshot": timedelta(days=365),
    "timestamp": timedelta(days=30),
}
"""How long each is believed. The timestamp bounds how long somebody can keep a device from a
release; it is signed anew with everything that is published, and by `nox -s keys -- refresh`."""

Part = Root | Timestamp | Snapshot | Targets

DUE: Final = 1 / 3
"""What has less than this of its lifetime left is due."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is signed for."""

    path: str
    length: int
    sha256: str
    custom: Mapping[str, object]

    def listed(self) -> TargetFile:
        """As it stands in the metadata."""
        return TargetFile(
            self.length, {"sha256": self.sha256}, self.path, {"custom": dict(self.custom)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the bucket holds, verified.

    Attributes:
        generation: of the timestamp.
        taken: the highest number of an object of a role, whatever is in it.
        roots: the numbers of the roots.
        contents: of snapshot and targets, by the names of their objects.
    """

    generation: int = ABSENT
    timestamp: Timestamp | None = None
    snapshot: Snapshot | None = None
    targets: Targets | None = None
    taken: Mapping[str, int] = field(default_factory=dict)
    roots: frozenset[int] = frozenset()
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, TargetFile]:
        """What is signed for now."""
        return dict(self.targets.targets) if self.targets else {}


def gather(bucket: Bucket, root: Root) -> Known:
    """Read and verify what the bucket holds.

    Args:
        bucket: where it lies.
        root: whose keys count.

    Raises:
        Refused: something there was not signed by the keyring's keys.
        StoreError: it cannot be read.
    """
    names = [each.name for each in bucket.names(FOLDER)]
    taken = {role: max(_numbers(names, role), default=0) for role in ("targets", "snapshot")}
    roots = frozenset(_numbers(names, "root"))
    try:
        stat, content = bucket.get(TIMESTAMP)
    except ObjectMissing:
        return Known(taken=taken, roots=roots)
    timestamp = _verified(root, "timestamp", TIMESTAMP, content)
    contents: dict[str, bytes] = {}
    snapshot = _read(bucket, root, "snapshot", timestamp.snapshot_meta, contents)
    targets = _read(bucket, root, "targets", snapshot.meta["targets.json"], contents)
    return Known(
        generation=stat.generation,
        timestamp=timestamp,
        snapshot=snapshot,
        targets=targets,
        taken=taken,
        roots=roots,
        contents=contents,
    )


def roots_in(bucket: Bucket) -> frozenset[int]:
    """The numbers of the roots that are there.

    Raises:
        StoreError: it does not say.
    """
    return frozenset(_numbers([each.name for each in bucket.names(FOLDER)], "root"))


def is_signed(bucket: Bucket) -> bool:
    """Whether devices with a root can use this bucket.

    Raises:
        StoreError: it does not say.
    """
    return bucket.stat(TIMESTAMP) is not None


@dataclass(frozen=True, slots=True)
class Next:
    """The next metadata of a role, not signed yet."""

    role: str
    name: str
    content: bytes
    replacing: int
    expires: datetime
    news: tuple[str, ...] = ()
    names: str = ""


def naming(content: bytes, named: bytes) -> bytes:
    """The same metadata, saying of what it names length and digest beside the version."""
    document: Metadata[Any] = Metadata.from_bytes(content)
    part = document.signed
    meta = part.snapshot_meta if isinstance(part, Timestamp) else part.meta["targets.json"]
    meta.length, meta.hashes = len(named), {"sha256": hashlib.sha256(named).hexdigest()}
    return document.to_bytes()


def following(
    known: Known,
    now: datetime,
    *,
    add: Mapping[str, TargetFile] | None = None,
    drop: frozenset[str] = frozenset(),
    anew: frozenset[str] = frozenset(),
    always: bool = False,
) -> tuple[Next, ...]:
    """What has to be signed, in the order in which it has to appear.

    Args:
        known: what the bucket holds.
        now: when it is signed.
        add: files that are signed for from now on.
        drop: paths that are not any more.
        anew: roles that have to be signed again, whatever they say.
        always: sign a timestamp even if nothing changed.
    """
    files = {path: each for path, each in known.files.items() if path not in drop}
    files |= add or {}
    parts: list[Next] = []
    changed = known.targets is None or files != known.files
    if changed or "targets" in anew or due(known.targets, "targets", now):
        news = sorted(files.keys() - known.files.keys())
        parts.append(_next("targets", _number(known, "targets"), Targets(targets=files), now, news))
    if parts or "snapshot" in anew or due(known.snapshot, "snapshot", now):
        number = _number(known, "targets") if parts else _version(known.targets)
        snapshot = Snapshot(meta={"targets.json": MetaFile(number)})
        names = f"{FOLDER}{number}.targets.json"
        parts.append(_next("snapshot", _number(known, "snapshot"), snapshot, now, names=names))
        named = _number(known, "snapshot")
    else:
        named = _version(known.snapshot)
    if parts or always or "timestamp" in anew or due(known.timestamp, "timestamp", now):
        timestamp = Timestamp(snapshot_meta=MetaFile(named))
        version = _version(known.timestamp) + 1
        names = f"{FOLDER}{named}.snapshot.json"
        new = _next("timestamp", version, timestamp, now, names=names)
        parts.append(replace(new, replacing=known.generation))
    return tuple(parts)


def due(part: Part | None, role: str, now: datetime) -> bool:
    """Whether it is time to sign it again."""
    return part is None or part.expires - now < LIFETIMES[role] * DUE


def stamp(moment: datetime) -> str:
    """A moment, as metadata says it."""
    return moment.strftime(_FORM)


def _next(
    role: str,
    version: int,
    part: Timestamp | Snapshot | Targets,
    now: datetime,
    news: list[str] | None = None,
    *,
    names: str = "",
) -> Next:
    part.version = version
    part.expires = (now + LIFETIMES[role]).replace(microsecond=0)
    part.unrecognized_fields[ISSUED] = stamp(now)
    name = TIMESTAMP if role == "timestamp" else f"{FOLDER}{version}.{role}.json"
    document: Metadata[Any] = Metadata(part)
    return Next(role, name, document.to_bytes(), ABSENT, part.expires, tuple(news or ()), names)


def _number(known: Known, role: str) -> int:
    return known.taken.get(role, 0) + 1


def _version(part: Timestamp | Snapshot | Targets | None) -> int:
    return part.version if part else 0


def _numbers(names: list[str], role: str) -> list[int]:
    found = (name.removeprefix(FOLDER).removesuffix(f".{role}.json") for name in names)
    # Whoever may write to the bucket may write any number.
    return [int(text) for text in found if text.isascii() and text.isdigit() and len(text) < 10]


def _read(bucket: Bucket, root: Root, role: str, meta: MetaFile, contents: dict[str, bytes]) -> Any:
    name = f"{FOLDER}{meta.version}.{role}.json"
    try:
        content = bucket.get(name)[1]
    except ObjectMissing as error:
        raise Refused(
            f"{name} is named by signed metadata, and missing in {bucket.address}"
        ) from error
    found = _verified(root, role, name, content)
    if found.version != meta.version:
        raise Refused(f"{name} holds version {found.version}")
    try:
        meta.verify_length_and_hashes(content)
    except RepositoryError as error:
        raise Refused(f"{name} in the bucket is not what was signed for: {error}") from error
    contents[name] = content
    return found


def _verified(root: Root, role: str, name: str, content: bytes) -> Any:
    try:
        document: Metadata[Any] = Metadata.from_bytes(content)
        root.verify_delegate(role, document.signed_bytes, document.signatures)
    except (RepositoryError, ValueError) as error:
        raise Refused(
            f"{name} in the bucket was not signed by the keys of this keyring: {error}"
        ) from error
    if document.signed.type != role:
        raise Refused(f"{name} in the bucket is a {document.signed.type}")
    return document.signed


def moment(seconds: float) -> datetime:
    """Seconds since 1970, as metadata counts them."""
    return datetime.fromtimestamp(int(seconds), UTC)
