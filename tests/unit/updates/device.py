"""A device with a bucket in memory and a folder on the disk, and what is published for it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from reagent.adapters.posix.updatefiles import PosixFiles, PosixNewFile
from reagent.model.device import Identity
from reagent.updates.asking import Asking
from reagent.updates.checks import Checks
from reagent.updates.fetch import Fetch, Staged, Wanted
from reagent.updates.fetch import Progress as Told
from reagent.updates.ledger import Ledger
from reagent.updates.plain import PlainBucket
from reagent.updates.seat import Role, Seat
from reagent.updates.staging import Staging
from reagent.updates.times import Times
from tests.fakes.clock import FakeClock
from tests.fakes.downloads import FakeDownloads
from tests.fakes.processes import FakeProcesses

BASE = "https://bucket.example"
OURS = "1.0.0"
CONTROL = "/proc/self/exe"


def elf(text: str = "program", machine: int = 62) -> bytes:
    """Something whose first bytes are those of an executable of 64 bits."""
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x02\x00" + machine.to_bytes(2, "little")
    return head + text.encode() * 40


class Disk(PosixFiles):
    """The real one, until it is told otherwise."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.refuses_writes = 0
        self.refuses_new_files = 0
        self.refuses_appends = 0

    def free(self, folder: str) -> int:
        return super().free(folder) if self.left is None else self.left

    def create(self, path: str, mode: int) -> PosixNewFile:
        if self.refuses_new_files:
            raise OSError(self.refuses_new_files, os.strerror(self.refuses_new_files), path)
        return NewFile(super().create(path, mode), self)

    def append(self, path: str) -> PosixNewFile:
        if self.refuses_appends:
            raise OSError(self.refuses_appends, os.strerror(self.refuses_appends), path)
        return NewFile(super().append(path), self)


class NewFile(PosixNewFile):
    """A file on that disk."""

    def __init__(self, file: PosixNewFile, disk: Disk) -> None:
        super().__init__(file._descriptor)
        self._disk = disk

    def write(self, content: bytes) -> None:
        if self._disk.refuses_writes:
            super().write(content[:10])
            raise OSError(self._disk.refuses_writes, os.strerror(self._disk.refuses_writes))
        super().write(content)


class HandOvers:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.requests: list[tuple[float, float]] = []
        self.held = 0

    def request(self, within: float, *, after: float = 0.0) -> None:
        self.requests.append((within, after))

    def hold(self) -> Callable[[], None]:
        self.held += 1
        return self._let_go

    def _let_go(self) -> None:
        self.held -= 1


class Progress:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int, int]] = []

    async def __call__(self, increment: int, current: int, total: int) -> None:
        self.events.append((increment, current, total))


class Ordering(PlainBucket):
    """A bucket whose signer, had it one, orders these versions back, and offers these to others."""

    back: frozenset[str] = frozenset()
    staged: frozenset[str] = frozenset()
    breaks = False

    async def latest(self) -> str:
        if self.breaks:
            raise ZeroDivisionError
        return await super().latest()

    def is_offered(self, version: str) -> bool:
        return version in self.staged or super().is_offered(version)

    def is_ordered_back(self, running: str) -> bool:
        return running in self.back


class Device:
    """Everything between an announcement and a staged file."""

    def __init__(self, folder: Path, role: Role = Role.PROVEN) -> None:
        self.folder = folder
        self.downloads_folder = folder / "downloads"
        self.downloads_folder.mkdir(mode=0o700)
        self._role = role
        (folder / f"reagent-v{OURS}").write_bytes(elf("ours"))
        self.identity = Identity(serial_number="SN-1", environment="test")
        self.bucket = FakeDownloads()
        self.disk = Disk()
        self.clock = FakeClock()
        self.processes = FakeProcesses()
        self.processes.says(f"{OURS}\n", of=CONTROL)
        self.hand_overs = HandOvers()
        self.reads = 0
        self.start()

    def start(self) -> None:
        """Be another process on the same device."""
        self.seat = Seat(
            role=self._role,
            folder=str(self.folder),
            files=self.disk,
            ledger=Ledger(self.disk, str(self.folder)),
            times=Times(),
            own=f"reagent-v{OURS}",
        )
        self.staging = Staging(self.seat, "amd64")
        self.fetch = Fetch(
            self.bucket,
            self.staging,
            Asking(self.processes, self.staging, self.clock, (CONTROL, "-version")),
            self.clock,
        )
        self.catalogue = Ordering(
            self.bucket,
            lambda: self.identity,
            remote=BASE,
            read=self._was_read,
            system="linux",
            arch="amd64",
        )
        self.checks = Checks(
            catalogue=self.catalogue,
            fetch=self.fetch,
            staging=self.staging,
            hand_over=self.hand_overs,
            clock=self.clock,
            version=OURS,
            serial_number="SN-1",
        )

    async def take(self, version: str, progress: Told | None = None) -> Staged:
        """What a look does once a version is announced."""
        release = await self.catalogue.release(version)
        return await self.fetch.take(Wanted(release=release), progress or Progress())

    # What the release engineer does.

    def announce(self, version: str, channel: str = "test") -> None:
        """Point a channel at a version."""
        self.bucket.put(
            f"{BASE}/re-agent/availableVersions.json", json.dumps({channel: version}).encode()
        )

    def publish(
        self, version: str, content: bytes | None = None, *, says: str | None = None
    ) -> str:
        """Put a version into the bucket; returns its digest."""
        content = elf(version) if content is None else content
        digest = hashlib.sha256(content).hexdigest()
        self.bucket.put(self.url(version), content)
        self.bucket.put(self.sidecar(version), f"{digest}\n".encode())
        self.processes.says(f"{says or version}\n", of=self.draft(digest))
        return digest

    def roll_out(self, version: str, content: bytes | None = None) -> str:
        """Publish a version, and announce it."""
        digest = self.publish(version, content)
        self.announce(version)
        return digest

    def url(self, version: str) -> str:
        return f"{BASE}/re-agent/linux/amd64/{version}/reagent"

    def sidecar(self, version: str) -> str:
        return f"{self.url(version)}.sha256"

    # What there is to see.

    def draft(self, digest: str) -> str:
        return str(self.downloads_folder / digest)

    def staged(self, version: str) -> Path:
        return self.folder / f"reagent-v{version}"

    @property
    def versions(self) -> set[str]:
        """What lies there as a version, but for ours."""
        names = {each.name for each in self.folder.iterdir() if each.name.startswith("reagent-v")}
        return {name.removeprefix("reagent-v") for name in names} - {OURS}

    @property
    def leftovers(self) -> list[str]:
        return [each.name for each in self.downloads_folder.iterdir()]

    def fetched(self, version: str) -> int:
        """How often the executable was asked for."""
        return self.bucket.asked.count(self.url(version))

    def _was_read(self) -> None:
        self.reads += 1
