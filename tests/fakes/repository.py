"""A repository of signed metadata that a test is master of, for good and for evil.

What it publishes lies in a bucket of the sandbox, where a device asks for it over HTTP. Verbs come
in two kinds: what an owner does, and what somebody does who got hold of the bucket, of old copies,
or of a key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from reagent_release.layout import BUCKET
from sandbox.bucket import Bucket

NOW: Final = datetime(2030, 1, 1, tzinfo=UTC)
PartT = TypeVar("PartT", Targets, Snapshot, Timestamp)
ONLINE: Final = ("timestamp", "snapshot", "targets")


@dataclass
class Repository:
    """Roots, keys and the three other roles; `publish` signs all of it.

    Attributes:
        now: when it is signed.
        keys: of each role.
        signers: what really signs, where that is not `keys`.
        retired: the keys that a role had before.
        before: a copy of the bucket that a test kept.
        root_keys: those that the newest root names for itself.
    """

    bucket: Bucket
    now: datetime = NOW
    keys: dict[str, list[CryptoSigner]] = field(default_factory=dict)
    signers: dict[str, list[CryptoSigner]] = field(default_factory=dict)
    files: dict[str, TargetFile] = field(default_factory=dict)
    roots: list[bytes] = field(default_factory=list)
    rollouts: int = 0
    retired: dict[str, list[CryptoSigner]] = field(default_factory=dict)
    before: dict[str, bytes] = field(default_factory=dict)
    root_keys: list[CryptoSigner] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    lifetimes: dict[str, timedelta] = field(
        default_factory=lambda: {
            "root": timedelta(days=3650),
            "timestamp": timedelta(days=30),
            "snapshot": timedelta(days=365),
            "targets": timedelta(days=365),
        }
    )

    def __post_init__(self) -> None:
        if not self.keys:
            self.keys = {role: [CryptoSigner.generate_ed25519()] for role in ("root", *ONLINE)}
            self.versions = dict.fromkeys(ONLINE, 0)
            self.sign_root()

    # What an owner does.

    @property
    def first_root(self) -> bytes:
        """What builds bake in."""
        return self.roots[0]

    def sign_root(
        self, *, thresholds: dict[str, int] | None = None, by: list[CryptoSigner] | None = None
    ) -> bytes:
        """The next root: it names the keys of now, and is signed by those before, too."""
        before = self.root_keys
        root = Root(
            version=len(self.roots) + 1,
            expires=self.now + self.lifetimes["root"],
            keys={},
            roles={role: Role([], 1) for role in ("root", *ONLINE)},
            consistent_snapshot=True,
            unrecognized_fields={"issued": stamp(self.now)},
        )
        for role, signers in self.keys.items():
            for signer in signers:
                root.add_key(signer.public_key, role)
        for role, threshold in (thresholds or {}).items():
            root.roles[role].threshold = threshold
        signed = Metadata(root)
        signers = [*before, *self.keys["root"]] if by is None else by
        for signer in {each.public_key.keyid: each for each in signers}.values():
            signed.sign(signer, append=True)
        content = signed.to_bytes()
        self.roots.append(content)
        self.root_keys = list(self.keys["root"])
        return content

    def rotate(self, role: str) -> None:
        """A new key for a role, and a root that says so."""
        self.retired[role] = self.keys[role]
        self.keys[role] = [CryptoSigner.generate_ed25519()]
        self.sign_root()

    def add(self, path: str, content: bytes, **custom: str) -> None:
        """Put a file there and list it."""
        self.bucket.put(path, content)
        self.files[path] = TargetFile.from_data(path, content, ["sha256"])
        self.files[path].unrecognized_fields["custom"] = custom

    def add_executable(
        self, version: str, content: bytes, *, system: str = "linux", arch: str = "amd64"
    ) -> str:
        """Put the agent of a version there and list it."""
        path = f"{system}/{arch}/{version}/reagent"
        self.add(path, content, product="reagent", os=system, arch=arch, version=version)
        return path

    def roll_out(self, version: str, environment: str = "all") -> str:
        """List a roll-out document, and no other any more."""
        return self.list_document({"format": 1, "versions": {environment: version}})

    def roll_out_document(self, document: dict[str, object]) -> None:
        """Sign for a roll-out document, and publish it."""
        self.list_document({"format": 1, **document})
        self.publish()

    def list_document(self, document: dict[str, object]) -> str:
        """List a roll-out document, and no other any more; returns its path."""
        self.rollouts += 1
        for path in [each for each in self.files if each.startswith("rollout/")]:
            del self.files[path]
        path = f"rollout/{self.rollouts}.json"
        self.add(path, json.dumps(document).encode(), product="reagent", kind="rollout")
        return path

    def publish(self) -> None:
        """Sign the next version of all three, and put everything into the bucket."""
        for role in ONLINE:
            self.versions[role] += 1
        self.put_roots()
        targets = self._put("targets", Targets(targets=dict(self.files)))
        snapshot = self.resign_snapshot(described(self.versions["targets"], targets))
        self.resign_timestamp(described(self.versions["snapshot"], snapshot))

    def resign_timestamp(self, snapshot: MetaFile | None = None) -> bytes:
        """The timestamp alone, of the version that stands in `versions`."""
        named = snapshot or MetaFile(self.versions["snapshot"])
        return self._put("timestamp", Timestamp(snapshot_meta=named))

    def resign_snapshot(self, targets: MetaFile) -> bytes:
        """The snapshot alone, of the version that stands in `versions`."""
        return self._put("snapshot", Snapshot(meta={"targets.json": targets}))

    def put_roots(self) -> None:
        """Every root, into the bucket."""
        for number, content in enumerate(self.roots, 1):
            self.bucket.put(f"trust/{number}.root.json", content)

    def release(self, version: str, content: bytes) -> None:
        """Everything at once."""
        self.add_executable(version, content)
        self.roll_out(version)
        self.publish()

    # What somebody does who got hold of the bucket.

    def copy(self) -> dict[str, bytes]:
        """Everything that lies in the bucket."""
        return {
            each.name: self.bucket.store.get(each.name)[1] for each in self.bucket.store.names("")
        }

    def show(self, objects: dict[str, bytes]) -> None:
        """Put these there, whatever lies there."""
        for name, content in objects.items():
            self.bucket.put(name, content)

    def lose(self, name: str) -> None:
        """Have nothing of that name in the bucket."""
        (self.bucket.root / BUCKET / name).unlink()

    def sign_with(self, role: str, *signers: CryptoSigner) -> None:
        """From now on a role is signed by these, whatever the root says."""
        self.signers[role] = list(signers)

    def _put(self, role: str, part: PartT) -> bytes:
        part.version = self.versions[role]
        part.expires = (self.now + self.lifetimes[role]).replace(microsecond=0)
        part.unrecognized_fields["issued"] = stamp(self.now)
        signed = Metadata[PartT](part)
        for signer in self.signers.get(role, self.keys[role]):
            signed.sign(signer, append=True)
        name = f"{role}.json" if role == "timestamp" else f"{part.version}.{role}.json"
        content = signed.to_bytes()
        self.bucket.put(f"trust/{name}", content)
        return content


def described(version: int, content: bytes) -> MetaFile:
    """A file of metadata, as the one that names it says it."""
    return MetaFile(version, len(content), {"sha256": hashlib.sha256(content).hexdigest()})


def stamp(moment: datetime) -> str:
    """A moment, as metadata says it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
