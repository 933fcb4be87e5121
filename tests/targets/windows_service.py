"""reagent.exe as the service of a Windows that wine makes, for tests of it.

machine      a Windows that is up, one for all tests of a file; a fixture
installed    the service in it, for a block: a device that the platform knows
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from reagent.settings import stamp
from reagent_build.targets import Target
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.fixtures import BUILT
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.windows import kept_up, script, windows

WINDOWS: Final = Target("windows", "amd64")
EXECUTABLE: Final = BUILT / WINDOWS.file_name
WITHIN_S: Final = 240.0
FOLDER: Final = "drive_c/ProgramData/IronFlock/Reagent"


@dataclass(frozen=True)
class Machine:
    """A Windows that is up, and reagent.exe as somebody downloaded it."""

    folder: Path
    environment: dict[str, str]

    @property
    def program(self) -> Program:
        path = script(self.folder / "downloaded.exe", self.environment, self.folder / "reagent")
        return Program(path, stamp.VERSION)

    @property
    def agent(self) -> Path:
        return self.folder / "prefix" / FOLDER

    def service(self, *words: str) -> tuple[int, str]:
        """What `reagent.exe service ...` ends with, and says."""
        return self.says("service", *words)

    def says(self, *words: str, executable: Path | None = None) -> tuple[int, str]:
        """What `reagent.exe ...` ends with, and says. Into a file: what stays keeps it."""
        with (self.folder / "said").open("wb") as said:
            done = subprocess.run(
                [executable or self.program.executable, *words], stdin=subprocess.DEVNULL,
                stdout=said, stderr=subprocess.STDOUT, check=False, timeout=WITHIN_S,
            )  # fmt: skip
        return done.returncode, (self.folder / "said").read_text()

    def entries(self, log: str) -> list[dict[str, object]]:
        with suppress(OSError):
            lines = (self.agent / log).read_text().splitlines()
            return [json.loads(line) for line in lines if line.endswith("}")]
        return []

    def processes(self) -> list[int]:
        """Process ids of the service and all below it, in the order in which they began."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                ours = f"WINEPREFIX={self.folder}/prefix\0".encode()
                if (
                    b"IronFlock\\Reagent\\reagent.exe" in (place / "cmdline").read_bytes()
                    and ours in (place / "environ").read_bytes()
                ):
                    found.append(int(place.name))
        return sorted(found, key=begun)

    def messages(self, log: str) -> list[object]:
        return [entry["message"] for entry in self.entries(log)]


def begun(process: int) -> int:
    """When it began, in ticks; 0 when it is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
    return 0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if not EXECUTABLE.exists():
        pytest.skip(f"{EXECUTABLE} was not built: nox -s build -- windows/amd64")
    folder = tmp_path_factory.mktemp("service")
    shutil.copyfile(EXECUTABLE, folder / "downloaded.exe")
    try:
        with windows(folder / "prefix") as environment, kept_up(environment):
            yield Machine(folder, environment)
    except SandboxError as error:
        pytest.skip(str(error))


@dataclass(frozen=True)
class Installed:
    """The service, and the device that it is."""

    machine: Machine
    cloud: Cloud
    device: Device

    async def connected(self) -> None:
        await self.cloud.backend.status(self.device.identity, "CONNECTED", within=WITHIN_S)

    async def run(self, *words: str) -> tuple[int, str]:
        """See `Machine.service`."""
        return await asyncio.to_thread(self.machine.service, *words)


@asynccontextmanager
async def installed(machine: Machine, cloud: Cloud, *flags: str) -> AsyncIterator[Installed]:
    """The service of a new device, installed with these flags; uninstalled in the end.

    Raises:
        SandboxError: it cannot be installed, with what was said.
    """
    device = cloud.new_device(machine.program)
    service = Installed(machine, cloud, device)
    status, said = await service.run(
        "install", "-config", f"Z:{device.flashed.device_file}", *flags
    )
    try:
        if status:
            raise SandboxError(f"reagent service install ended with {status}: {said}")
        yield service
    finally:
        await service.run("uninstall")
