"""Under a service manager: what it is told, and the commands that speak to it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.program import Program
from tests.frozen.updating import Press, Unit, started

NEW = "1.1.0"

pytestmark = pytest.mark.timeout(120)


class Manager:
    """Hears what a service notes (sd_notify's protocol)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(path))
        self._line.setblocking(False)

    async def hears(self, within: float = 30.0) -> str:
        """The next note."""
        async with asyncio.timeout(within):
            return (await asyncio.get_running_loop().sock_recv(self._line, 4096)).decode()

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


async def test_it_is_ready_without_the_cloud_and_alive_as_long_as_its_loop_turns(
    cloud: Cloud, program: Program, manager: Manager
) -> None:
    unit = Unit(cloud, program)
    unit.device.environment["NOTIFY_SOCKET"] = str(manager.path)
    cloud.router.stop()

    await unit.device.serve(restart_after=0.5)
    first = await manager.hears()
    second = await manager.hears()

    assert (first, second) == ("READY=1", "WATCHDOG=1")
    assert unit.statuses == []


async def test_a_manager_that_wants_to_hear_of_it_often_does(
    cloud: Cloud, program: Program, manager: Manager
) -> None:
    unit = Unit(cloud, program)
    unit.device.environment |= {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000"}
    await unit.device.serve(restart_after=0.5)
    await manager.hears()

    notes = [await manager.hears(within=8.0) for _ in range(4)]  # 10 s is its own measure

    assert notes == ["WATCHDOG=1"] * 4


async def test_a_trial_keeps_nobody_waiting(
    cloud: Cloud, program: Program, manager: Manager
) -> None:
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    unit.device.environment["NOTIFY_SOCKET"] = str(manager.path)
    await started(unit)
    press.release(NEW)
    await unit.device.stop()
    await started(unit)
    await unit.on(NEW)

    notes = [await manager.hears() for _ in range(3)]

    assert notes[0] == "READY=1"
    assert set(notes) == {"READY=1", "WATCHDOG=1"}


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ((), 1, "service needs one of install, uninstall, start, stop, status"),
        (("bogus",), 1, "service needs one of install, uninstall, start, stop, status"),
        (("install",), 1, "the following arguments are required: -config"),
        (("status",), 1, "systemd does not run this system"),
        (("install", "-config", "/nowhere.flock"), 1, "systemd does not run this system"),
    ],
)
def test_without_systemd_a_service_command_says_so(
    program: Program, words: tuple[str, ...], status: int, text: str
) -> None:
    said = subprocess.run(
        (program.executable, "service", *words), capture_output=True, text=True, check=False
    )

    assert (said.returncode, said.stdout) == (status, "")
    assert text in said.stderr
    assert said.stderr.count("\n") == 1


def test_a_flashed_image_holds_this_very_file_and_starts_as_it(
    program: Program, tmp_path: Path
) -> None:
    config = tmp_path / "17-4021.flock"
    config.write_text(
        json.dumps(
            {
                "secret": "s", "serial_number": "SN", "device_endpoint_url": "ws://127.0.0.1:1/ws",
                "device_key": 4021, "swarm_key": 17,
            }
        )
    )  # fmt: skip
    root = tmp_path / "card"
    root.mkdir()

    said = subprocess.run(
        (program.executable, "flash", f"--root={root}", f"--config={config}"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    folder = root / "opt/reagent"
    flashed = folder / f"reagent-v{program.version}"
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "flashed"), said.stderr
    assert flashed.read_bytes() == program.executable.read_bytes()
    assert str((folder / "Reagent-active").readlink()) == f"/opt/reagent/{flashed.name}"
    version = subprocess.run((flashed, "-version"), capture_output=True, text=True, check=False)
    assert version.stdout.strip() == program.version
