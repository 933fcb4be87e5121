"""reagent.exe as a service of the Windows that wine makes, and the turn of versions below it.

Nothing here has seen a real Windows (docs/decisions/0019-the-launcher-of-windows.md). A trial takes
two versions: `REAGENT_WINDOWS_NEXT` names an executable of a higher one; without it that is skipped.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.settings import stamp
from reagent.updates.vocabulary import ACTIVE, PREVIOUS
from reagent.updates.windows.launch import HAND_OVER
from reagent_build.targets import Target
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.fixtures import (  # noqa: F401 - pytest finds fixtures by their names here
    BUILT,
    backend,
    cloud,
    registry,
    router,
    services,
)
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.windows import kept_up, script, windows
from tests.frozen.steps import until

pytestmark = pytest.mark.timeout(900)

WINDOWS: Final = Target("windows", "amd64")
EXECUTABLE: Final = BUILT / WINDOWS.file_name
NEXT: Final = os.environ.get("REAGENT_WINDOWS_NEXT", "")
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
        """What `reagent.exe service ...` ends with, and says. Into a file: what stays keeps it."""
        with (self.folder / "said").open("wb") as said:
            done = subprocess.run(
                [self.program.executable, "service", *words], stdin=subprocess.DEVNULL,
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


def test_a_command_line_that_cannot_be_read_ends_with_two(machine: Machine) -> None:
    nothing = machine.service()
    unknown = machine.service("install", "-nonsense")
    missing = machine.service("start")

    assert (nothing[0], unknown[0], missing[0]) == (2, 2, 1)
    assert "flag provided but not defined: -nonsense" in unknown[1]
    assert "there is no service reagent" in missing[1]


async def test_an_agent_that_is_installed_runs_as_a_service_and_stops_in_order(
    machine: Machine,
    cloud: Cloud,  # noqa: F811
) -> None:
    device = cloud.new_device(machine.program)
    config = f"Z:{device.flashed.device_file}"

    installed = await asyncio.to_thread(machine.service, "install", "-config", config, "-noStart")
    before = machine.service("status")
    started = await asyncio.to_thread(machine.service, "start")
    await cloud.backend.status(device.identity, "CONNECTED", within=WITHIN_S)
    running = machine.service("status")
    stopped = await asyncio.to_thread(machine.service, "stop")
    after = machine.service("status")
    removed = machine.service("uninstall")
    gone = machine.service("status")

    assert (installed[0], started[0], stopped[0], removed[0]) == (0, 0, 0, 0), installed
    assert [before[0], running[0], after[0], gone[0]] == [1, 0, 1, 1]
    assert "service     running" in running[1]
    assert "C:\\ProgramData\\IronFlock\\Reagent\\reagent.exe" in running[1]
    assert "service     stopped" in after[1]
    assert "not installed" in gone[1]
    assert machine.messages("service.log") == [
        "the service starts", "the agent is started", "the service ends",
    ]  # fmt: skip
    assert "updates are staged here, never tried" not in machine.messages("reagent.log")
    assert (machine.agent / "repair.cmd").exists()
    assert (machine.agent / "device.flock").exists()


async def test_a_launcher_that_is_killed_takes_all_below_it_along(
    machine: Machine,
    cloud: Cloud,  # noqa: F811
) -> None:
    device = cloud.new_device(machine.program)
    config = f"Z:{device.flashed.device_file}"
    await asyncio.to_thread(machine.service, "install", "-config", config)
    await cloud.backend.status(device.identity, "CONNECTED", within=WITHIN_S)

    # Each is a boot loader and what it unpacked; nothing above the launcher ends the agent.
    _, launcher, *agent = machine.processes()
    os.kill(launcher, signal.SIGKILL)
    await until(lambda: not machine.processes(), WITHIN_S, "nothing of it runs")
    await asyncio.to_thread(machine.service, "uninstall")

    assert len(agent) == 2


async def test_a_reference_that_let_us_in_gets_its_place_back_at_the_fourth_start(
    machine: Machine,
    cloud: Cloud,  # noqa: F811
) -> None:
    device = cloud.new_device(machine.program)
    config = f"Z:{device.flashed.device_file}"
    await asyncio.to_thread(machine.service, "install", "-config", config, "-noStart")
    marker = machine.agent / "update-state.json"
    marked = {"phase": "probation", "new_version": stamp.VERSION, "old_version": "0.20.20"}
    marker.write_text(json.dumps(marked | {"attempts": 2}))
    shutil.copyfile(machine.agent / "reagent.exe", machine.agent / "reagent-prev.exe")

    await asyncio.to_thread(machine.service, "start")
    await cloud.backend.status(device.identity, "CONNECTED", within=WITHIN_S)
    counted = json.loads(marker.read_bytes())
    await asyncio.to_thread(machine.service, "stop")
    await asyncio.to_thread(machine.service, "start")
    failed = machine.agent / f"reagent-failed-v{stamp.VERSION}.exe"
    await until(failed.exists, WITHIN_S, failed.name)
    await until(lambda: "gone back" in machine.messages("service.log"), WITHIN_S, "gone back")
    await asyncio.to_thread(machine.service, "uninstall")

    assert (counted["phase"], counted["attempts"]) == ("probation", 3)
    gone = json.loads(marker.read_bytes())
    assert (gone["phase"], gone["new_version"]) == ("rolledback", stamp.VERSION)
    assert (machine.agent / "reagent.exe").exists()
    assert not (machine.agent / "reagent-prev.exe").exists()


# --- versions below the launcher, without the service manager


class Launcher:
    """Starts what is active with the words of a service, and anew when it hands over."""

    def __init__(self, machine: Machine, device: Device, bucket: str) -> None:
        self.folder = machine.folder / "versions"
        self.folder.mkdir()
        shutil.copyfile(EXECUTABLE, self.folder / "reagent.exe")
        self.ends: list[int] = []
        self.started: list[str] = []
        self._environment = machine.environment
        place = f"Z:{self.folder}".replace("/", "\\")
        self._words = (
            "-config", f"Z:{device.flashed.device_file}", f"-agentDir={place}",
            f"-appsDir={place}\\apps", f"-dbFileName={place}\\reagent.db",
            f"-logFile={place}\\reagent.log", f"-remoteUpdateURL={bucket}",
        )  # fmt: skip

    def link(self, name: str) -> str:
        with suppress(OSError):
            return WindowsFiles().readlink(f"{self.folder}/{name}").rpartition("/")[2]
        return ""

    @property
    def state(self) -> dict[str, object]:
        with suppress(OSError, ValueError):
            found = json.loads((self.folder / "updates.json").read_bytes())
            if isinstance(found, dict):
                return found
        return {}

    async def run(self) -> None:
        """Until one ends otherwise."""
        while True:
            file = self.link(ACTIVE) or "reagent.exe"
            self.started.append(file)
            told = {"REAGENT_SERVICE": file, "REAGENT_UPDATE_PROOF_S": "120"}
            told |= {"REAGENT_UPDATE_SOAK_S": "3", "PYINSTALLER_RESET_ENVIRONMENT": "1"}
            process = await asyncio.create_subprocess_exec(
                "wine", str(self.folder / file), *self._words,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL, env=os.environ | self._environment | told,
            )  # fmt: skip
            self.process = process
            self.ends.append(await process.wait())
            if self.ends[-1] != HAND_OVER:
                return

    async def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()


async def test_a_version_from_a_bucket_is_tried_below_the_active_one_and_committed(
    machine: Machine,
    cloud: Cloud,  # noqa: F811
) -> None:
    if not NEXT:
        pytest.skip("REAGENT_WINDOWS_NEXT names no executable of a higher version")
    newer = Path(NEXT)
    version = subprocess.run(
        [script(newer, machine.environment, machine.folder / "newer"), "-version"],
        stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True, timeout=WITHIN_S,
    ).stdout.strip()  # fmt: skip
    device = cloud.new_device(machine.program)
    launcher = Launcher(machine, device, cloud.bucket.url)
    cloud.bucket.publish(version, newer, WINDOWS)
    cloud.bucket.roll_out(version)
    file = f"reagent-v{version}.exe"

    running = asyncio.create_task(launcher.run())
    await until(lambda: launcher.link(ACTIVE) == file, 3 * WITHIN_S, f"{ACTIVE} names {file}")
    await until(lambda: launcher.started[-1] == file, WITHIN_S, f"{file} runs")
    await cloud.backend.status(device.identity, "CONNECTED", since=1, within=WITHIN_S)
    await launcher.stop()
    await asyncio.wait_for(running, WITHIN_S)

    assert launcher.started == ["reagent.exe", "reagent.exe", file]
    assert launcher.ends == [HAND_OVER, HAND_OVER, 0]
    assert launcher.link(PREVIOUS) == "reagent.exe"
    assert "trial" not in launcher.state
    committed = launcher.state["committed"]
    assert isinstance(committed, dict)
    assert committed["sha256"] == hashlib.sha256(newer.read_bytes()).hexdigest()
