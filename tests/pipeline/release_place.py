"""A repository to release from: its version files, its targets, and what a build left in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reagent_build.checksum import put
from reagent_build.progress import Moved, unheard
from reagent_build.sbom_facts import objects_of
from reagent_build.sbom_papers import bill_of, notices_of
from reagent_build.targets import Target
from reagent_release import layout
from reagent_release.__main__ import Place, main
from reagent_release.errors import StoreError
from reagent_release.folder import FolderBucket
from reagent_release.store import Bucket, Stat

TARGETS = ("linux/amd64", "linux/arm/7", "windows/amd64")
_MACHINES = {"amd64": 62, "arm": 40}


def executable(target: Target, version: str, filler: bytes = b"") -> bytes:
    """Something that looks like an executable of that version from outside."""
    body = f"\0{version}\n\0".encode() + filler
    if target.os == "windows":
        return b"MZ" + body
    return b"\x7fELF".ljust(18, b"\0") + _MACHINES[target.arch].to_bytes(2, "little") + body


def leave(path: Path, content: bytes, *, linked: str = "glibc") -> None:
    """What a build leaves of an executable: it, its checksum, and its papers."""
    partial = path.with_name(".partial")
    partial.write_bytes(content)
    bill = {
        "metadata": {"component": {"hashes": [{"alg": "SHA-256", "content": put(partial, path)}]}},
        "components": [{"name": linked}],
    }
    bill_of(path).write_text(json.dumps(bill))
    notices_of(path).write_text(f"notices of {path.name}")
    if linked == "glibc":
        objects_of(path).write_bytes(b"objects of " + content)


class Repository:
    """One in a folder of its own, with an embedded bucket; nothing in it can be run."""

    def __init__(self, folder: Path, version: str = "1.0.0") -> None:
        self.folder = folder
        self.place = Place(folder, {}, None)
        self.bucket = FolderBucket(folder / "release/out/bucket")
        self.out = folder / "build/out"
        self.out.mkdir(parents=True)
        (folder / "src/reagent").mkdir(parents=True)
        (folder / "targets").write_text("\n".join(TARGETS) + "\n")
        (folder / "pyproject.toml").write_text('[tool.reagent.release]\nbucket = ""\n')
        self.manifest = folder / "availableVersions.json"
        self.manifest.write_text(
            json.dumps(dict.fromkeys(("production", "test", "local", "all"), version), indent=2)
            + "\n"
        )
        self.raise_version(version)

    def raise_version(self, version: str) -> None:
        """Write version.txt."""
        self.version = version
        (self.folder / "src/reagent/version.txt").write_text(f"{version}\n")

    def build(self, *targets: str, filler: bytes = b"") -> None:
        """Leave executables behind as a build does; of all targets where none is named."""
        for each in map(Target.parse, targets or TARGETS):
            linked = "glibc" if each.os == "linux" else "python"
            leave(self.out / each.file_name, executable(each, self.version, filler), linked=linked)

    def release_to(self, bucket: Bucket) -> None:
        """Let commands write to this bucket."""
        self.place = replace(self.place, open=lambda _: bucket)

    def run(self, *arguments: str) -> int:
        """Run a command and return its status."""
        return main(arguments, self.place)

    def published(self) -> dict[str, bytes]:
        """What is in the bucket."""
        return {each.name: self.bucket.get(each.name)[1] for each in self.bucket.names("")}

    def devices_run(self) -> dict[str, str]:
        """What the bucket tells devices."""
        content: dict[str, str] = json.loads(self.bucket.get(layout.MANIFEST)[1])
        return content

    def records(self) -> Iterator[dict[str, object]]:
        """The plans that were executed, in the order of their names."""
        for path in sorted((self.folder / "release/out").glob("*.json")):
            content: dict[str, object] = json.loads(path.read_text())
            yield content


class Unlucky(FolderBucket):
    """A bucket in which things go wrong, by the name of the object."""

    def __init__(self, root: Path, *, lock_s: float = 5.0) -> None:
        super().__init__(root, lock_s=lock_s)
        self.fails_at = ""
        self.loses_answer_at = ""
        self.spoils = ""
        self.written: list[str] = []

    def put(self, name: str, content: bytes, *, replacing: int, moved: Moved = unheard) -> Stat:
        """Write, unless it is this object's turn."""
        if name == self.fails_at:
            raise StoreError(f"{name} was not written: the line is down")
        stat = super().put(
            name, content + b"?" * (name == self.spoils), replacing=replacing, moved=moved
        )
        self.written.append(name)
        if name == self.loses_answer_at:
            self.loses_answer_at = ""  # the client asks again, and meets what it wrote itself
            return super().put(name, content, replacing=replacing, moved=moved)
        return stat
