"""A device with a root of its own, in front of a bucket that may be anybody's."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from reagent.adapters.http.download import Patience
from reagent.adapters.http.downloads import HttpDownloads
from reagent.adapters.posix.updatefiles import PosixFiles
from reagent.adapters.tuf.client import NgClient
from reagent.model.device import Identity
from reagent.updates.asking import Asking
from reagent.updates.fetch import Fetch, Staged, Wanted
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role, Seat
from reagent.updates.staging import Staging
from reagent.updates.times import Times
from reagent.updates.trust.bucket import SignedBucket
from reagent.updates.trust.memory import FILE, Memory
from tests.fakes.clock import FakeClock
from tests.fakes.processes import FakeProcesses
from tests.fakes.repository import NOW, Repository
from tests.unit.updates.device import elf

OURS: Final = "1.0.0"


class Device:
    """Starts anew with `start`; what lies in its folder stays."""

    def __init__(self, folder: Path, repository: Repository, root: bytes | None = None) -> None:
        self.folder = folder
        self.repository = repository
        self.root = repository.first_root if root is None else root
        self.synchronised = True
        self.clock = FakeClock(NOW.timestamp())
        self.reads = 0
        self.role = Role.PROVEN
        self.within = 10.0
        self.remote = ""
        (folder / "downloads").mkdir(mode=0o700)
        self.start()

    def start(self) -> None:
        """A new process, which knows what the disk knows."""
        files = PosixFiles()
        ledger = Ledger(files, str(self.folder))
        seat = Seat(
            role=self.role,
            folder=str(self.folder),
            files=files,
            ledger=ledger,
            times=Times(),
            own=f"reagent-v{OURS}",
        )
        downloads = HttpDownloads(
            {}, Patience(step=10.0, silence=10.0, pause=0.01), any_certificate=True
        )
        self.memory = Memory(
            files, str(self.folder), ledger, writes=self.role is not Role.CANDIDATE
        )
        self.catalogue = SignedBucket(
            NgClient(self.root, (str(self.folder),)),
            self.memory,
            downloads,
            lambda: Identity(serial_number="SN-1", environment="test"),
            self.clock,
            synchronised=lambda: self.synchronised,
            remote=self.remote or self.repository.bucket.url,
            read=self._was_read,
            system="linux",
            arch="amd64",
            within=self.within,
        )
        self.staging = Staging(seat, "amd64")
        self.processes = FakeProcesses()
        self.fetch = Fetch(
            downloads,
            self.staging,
            Asking(self.processes, self.staging, self.clock, control=()),
            self.clock,
        )

    def believe(self, moment: datetime) -> None:
        """Its clock says this from now on."""
        self.clock = FakeClock(moment.timestamp())
        self.start()

    async def update(self) -> Staged:
        """What a look does, until the file is staged."""
        version = await self.catalogue.latest()
        release = await self.catalogue.release(version)
        self.processes.says(f"{version}\n", of=f"{self.folder}/downloads/{release.sha256}")
        return await self.fetch.take(Wanted(release=release), _untold)

    @property
    def versions(self) -> set[str]:
        """What is staged."""
        return {each.name.removeprefix("reagent-v") for each in self.folder.glob("reagent-v*")}

    @property
    def kept(self) -> Path:
        """The verified metadata, on its disk."""
        return self.folder / FILE

    def _was_read(self) -> None:
        self.reads += 1


def executable(version: str) -> bytes:
    """Something that a device takes for the agent."""
    return elf(version)


async def _untold(*_: int) -> None:
    pass
