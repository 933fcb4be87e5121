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
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.settings import stamp
from reagent.updates.vocabulary import ACTIVE, PREVIOUS
from reagent.updates.windows.launch import HAND_OVER
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.windows import script
from tests.frozen.steps import until
from tests.targets.windows_service import EXECUTABLE, WINDOWS, WITHIN_S, Machine, installed

pytestmark = pytest.mark.timeout(900)

NEXT: Final = os.environ.get("REAGENT_WINDOWS_NEXT", "")


def test_a_command_line_that_cannot_be_read_ends_with_two(machine: Machine) -> None:
    nothing = machine.service()
    unknown = machine.service("install", "-nonsense")
    missing = machine.service("start")

    assert (nothing[0], unknown[0], missing[0]) == (2, 2, 1)
    assert "flag provided but not defined: -nonsense" in unknown[1]
    assert "there is no service reagent" in missing[1]


async def test_an_agent_that_is_installed_runs_as_a_service_and_stops_in_order(
    machine: Machine, cloud: Cloud
) -> None:
    async with installed(machine, cloud, "-noStart") as service:
        before = machine.service("status")
        started = await service.run("start")
        await service.connected()
        running = machine.service("status")
        stopped = await service.run("stop")
        after = machine.service("status")
        removed = machine.service("uninstall")
        gone = machine.service("status")

    assert (started[0], stopped[0], removed[0]) == (0, 0, 0)
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


async def test_commands_reach_the_service_and_its_folder_when_it_is_stopped(
    machine: Machine, cloud: Cloud
) -> None:
    async with installed(machine, cloud) as service:
        await service.connected()
        doing = await asyncio.to_thread(machine.says, "status")
        back = await asyncio.to_thread(machine.says, "update", "rollback")
        await service.run("stop")
        idle = await asyncio.to_thread(machine.says, "status")

    assert (doing[0], back[0], idle[0]) == (0, 1, 3)
    assert f"running, version {stamp.VERSION}, connected to" in doing[1]
    assert "folder      C:\\ProgramData\\IronFlock\\Reagent\n" in doing[1]
    assert "active      reagent.exe\n" in doing[1]
    assert "to go back to" in back[1]
    assert "agent       not running\n" in idle[1]
    assert "active      reagent.exe\n" in idle[1]


async def test_a_launcher_that_is_killed_takes_all_below_it_along(
    machine: Machine, cloud: Cloud
) -> None:
    async with installed(machine, cloud) as service:
        await service.connected()

        # Each is a boot loader and what it unpacked; nothing above the launcher ends the agent.
        _, launcher, *agent = machine.processes()
        os.kill(launcher, signal.SIGKILL)
        await until(lambda: not machine.processes(), WITHIN_S, "nothing of it runs")

    assert len(agent) == 2


async def test_a_reference_that_let_us_in_gets_its_place_back_at_the_fourth_start(
    machine: Machine, cloud: Cloud
) -> None:
    async with installed(machine, cloud, "-noStart") as service:
        marker = machine.agent / "update-state.json"
        marked = {"phase": "probation", "new_version": stamp.VERSION, "old_version": "0.20.20"}
        marker.write_text(json.dumps(marked | {"attempts": 2}))
        shutil.copyfile(machine.agent / "reagent.exe", machine.agent / "reagent-prev.exe")

        await service.run("start")
        await service.connected()
        counted = json.loads(marker.read_bytes())
        await service.run("stop")
        await service.run("start")
        failed = machine.agent / f"reagent-failed-v{stamp.VERSION}.exe"
        await until(failed.exists, WITHIN_S, failed.name)
        await until(lambda: "gone back" in machine.messages("service.log"), WITHIN_S, "gone back")

    assert (counted["phase"], counted["attempts"]) == ("probation", 3)
    gone = json.loads(marker.read_bytes())
    assert (gone["phase"], gone["new_version"]) == ("rolledback", stamp.VERSION)
    assert (machine.agent / "reagent.exe").exists()
    assert not (machine.agent / "reagent-prev.exe").exists()


# --- versions below the launcher, without the service manager


class Launcher:
    """Starts what is active with the words of a service, and anew when it hands over."""

    def __init__(self, machine: Machine, device: Device, bucket: str) -> None:
        self.folder = machine.folder / "versions" / device.folder.name
        self.folder.mkdir(parents=True)
        shutil.copyfile(EXECUTABLE, self.folder / "reagent.exe")
        self.ends: list[int] = []
        self.started: list[str] = []
        self._environment = machine.environment
        place = f"Z:{self.folder}".replace("/", "\\")
        self.agent_dir = f"-agentDir={place}"
        self._words = (
            "-config", f"Z:{device.flashed.device_file}", self.agent_dir,
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


def newer_version(machine: Machine) -> tuple[Path, str]:
    """The executable of a higher version, and which one it is."""
    if not NEXT:
        pytest.skip("REAGENT_WINDOWS_NEXT names no executable of a higher version")
    newer = Path(NEXT)
    path = script(newer, machine.environment, machine.folder / "newer")
    status, said = machine.says("-version", executable=path)
    if status:
        raise AssertionError(said)
    return newer, said.strip()


async def test_a_version_from_a_bucket_is_tried_below_the_active_one_and_committed(
    machine: Machine, cloud: Cloud
) -> None:
    newer, version = newer_version(machine)
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


async def test_a_version_that_somebody_brings_is_tried_and_given_up_again_at_his_word(
    machine: Machine, cloud: Cloud
) -> None:
    newer, version = newer_version(machine)
    device = cloud.new_device(machine.program)
    launcher = Launcher(machine, device, cloud.bucket.url)
    stick = device.folder / "reagent.exe"
    shutil.copyfile(newer, stick)
    digest = hashlib.sha256(newer.read_bytes()).hexdigest()
    stick.with_name("reagent.exe.sha256").write_text(f"{digest}\n")
    file = f"reagent-v{version}.exe"

    async def order(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(machine.says, "update", *words, launcher.agent_dir)

    async def runs(wanted: str) -> None:
        seen = len(cloud.backend.statuses(device.identity))
        await until(lambda: launcher.started[-1] == wanted, 3 * WITHIN_S, f"{wanted} runs")
        await cloud.backend.status(device.identity, "CONNECTED", since=seen, within=WITHIN_S)

    running = asyncio.create_task(launcher.run())
    await cloud.backend.status(device.identity, "CONNECTED", within=WITHIN_S)
    applied = await order("apply", f"Z:{stick}")
    await runs(file)
    back = await order("rollback")
    given_up = str(launcher.state["blocked"])
    await until(lambda: launcher.link(ACTIVE) == "reagent.exe", 3 * WITHIN_S, "it went back")
    await runs("reagent.exe")
    unblocked = await order("unblock", version)
    await launcher.stop()
    await asyncio.wait_for(running, WITHIN_S)

    assert (applied[0], back[0], unblocked[0]) == (0, 0, 0), (applied, back, unblocked)
    assert f"{version} is staged; its trial begins when" in applied[1]
    assert "going back to version" in back[1]
    assert version in given_up
    assert launcher.state["blocked"] == []
