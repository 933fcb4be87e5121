"""A repository that signs: a keyring, builds that bring its root, and a calendar."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata

from tests.pipeline.release_place import Repository

ROOT = b"\0trust/1.root.json\0"
NOW = 1_900_000_000.0
DAY = 86_400.0


class SignedRepository(Repository):
    """`now` is what its clock says, in seconds since 1970."""

    def __init__(self, folder: Path, version: str = "1.0.0") -> None:
        super().__init__(folder, version)
        self.now = NOW
        self.ring = folder / "ring"
        self.place = replace(
            self.place,
            environment={"REAGENT_TRUST_KEYS": str(self.ring)},
            now=lambda: self.now,
        )
        assert self.run("keys", "init", str(self.ring), "--root-keys", "2") == 0

    def release(self, version: str) -> None:
        """Build, publish and roll out everywhere."""
        self.raise_version(version)
        self.build(filler=ROOT)
        assert self.run("publish") == 0
        pairs = [
            word for name in ("production", "test", "local", "all") for word in (name, version)
        ]
        assert self.run("rollout", *pairs) == 0

    def without_keyring(self) -> None:
        """From now on none is named."""
        self.place = replace(self.place, environment={})

    @property
    def names(self) -> list[str]:
        """Of the objects of metadata."""
        return [each.name.removeprefix("trust/") for each in self.bucket.names("trust/")]

    def signed(self, name: str) -> Any:
        """The signed part of metadata in the bucket."""
        document: Metadata[Any] = Metadata.from_bytes(self.bucket.get(f"trust/{name}")[1])
        return document.signed

    @property
    def listed(self) -> dict[str, Any]:
        """The files that are signed for, as the newest metadata says."""
        snapshot = self.signed("timestamp.json").snapshot_meta.version
        targets = self.signed(f"{snapshot}.snapshot.json").meta["targets.json"].version
        found: dict[str, Any] = self.signed(f"{targets}.targets.json").targets
        return found

    def spoil(self, name: str, content: bytes) -> None:
        """What somebody does who may write to the bucket."""
        self.bucket.put(name, content, replacing=self.bucket.get(name)[0].generation)

    def keyring(self) -> dict[str, Any]:
        """What keyring.json says."""
        found: dict[str, Any] = json.loads((self.ring / "keyring.json").read_text())["keys"]
        return found
