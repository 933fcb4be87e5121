"""On a machine that a real systemd runs, as its process 1: installed, started, mended, ended.

Only the seconds of the unit are shortened, by a drop-in as an operator would write it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.database import Identity
from sandbox.engine import OwnEngine
from sandbox.fixtures import unavailable
from sandbox.processes import SandboxError
from sandbox.program import Program, device_file
from sandbox.systemd import Machine
from sandbox.under_test import patient
from tests.frozen.surroundings import need_root
from tests.frozen.updating import Press

AGENT, DEVICE_FILE = "/usr/bin/reagent", "/root/17-4021.flock"
FOLDER = "/opt/reagent"
UNIT = "reagent.service"
# The agent says every ten seconds that it is alive.
SHORTER = """\
[Service]
RestartSec=200ms
WatchdogSec=20
Environment=REAGENT_UPDATE_PROOF_S=4 REAGENT_UPDATE_SOAK_S=0.3
"""
NEW, STICK = "1.1.0", "/root/stick/reagent"

# The first one extracts the tree.
pytestmark = pytest.mark.timeout(240)


@dataclass
class Installed:
    """A device of this kind, and how it is seen from inside and from the platform."""

    cloud: Cloud
    identity: Identity
    machine: Machine

    async def reagent(self, *words: str) -> tuple[int, str]:
        """The command, typed by root."""
        return await self.machine.run(AGENT, *words)

    async def done(self, *words: str) -> str:
        """The same, and it has to succeed."""
        status, said = await self.machine.run(*words)
        if status:
            pytest.fail(f"{words}: {status}, {said}")
        return said

    async def install(self) -> str:
        """Install the service, and see the device CONNECTED."""
        said = await self.done(AGENT, "service", "install", "-config", DEVICE_FILE)
        await self.connected()
        return said

    @property
    def seen(self) -> int:
        """How often it told a status so far."""
        return len(self.cloud.backend.statuses(self.identity))

    async def connected(self, since: int = 0) -> None:
        """Wait until it reports CONNECTED."""
        await self.cloud.backend.status(self.identity, "CONNECTED", since=since, within=30.0)

    async def links(self, **wanted: str) -> None:
        """Wait until the links name these."""
        async with asyncio.timeout(patient(40.0)):
            while True:
                found = {
                    name: await self.machine.run("readlink", f"{FOLDER}/Reagent-{name}")
                    for name in wanted
                }
                if found == {name: (0, f"{FOLDER}/{file}") for name, file in wanted.items()}:
                    return
                await asyncio.sleep(0.1)

    async def reported(self, version: str) -> str:
        """Wait until the platform was told this version; the last status."""
        backend = self.cloud.backend

        def told() -> bool:
            said = backend.database.architecture(self.identity.device_key)
            return said.get("agent_version") == version and (
                backend.statuses(self.identity)[-1] == "CONNECTED"
            )

        await backend.until(told, within=40.0)
        return backend.statuses(self.identity)[-1]

    async def service(self, name: str) -> str:
        """What systemd says of the service."""
        return await self.machine.property(UNIT, name)


@pytest.fixture
def stick(cloud: Cloud, program: Program, tmp_path: Path) -> Mapping[Path, str]:
    """The next version, as somebody brings it."""
    content = Press.of(cloud, program).origin.variant(NEW)
    file, digest = tmp_path / "reagent", tmp_path / "reagent.sha256"
    file.write_bytes(content)
    digest.write_text(hashlib.sha256(content).hexdigest())
    return {file: STICK, digest: f"{STICK}.sha256"}


@pytest.fixture
async def device(
    cloud: Cloud, program: Program, engine: OwnEngine, stick: Mapping[Path, str]
) -> AsyncIterator[Installed]:
    """A machine that is up, with the executable and a device file, and nothing installed."""
    need_root()
    identity = cloud.new_identity()
    document = device_file(identity, endpoint=cloud.router.url, registry=cloud.registry.address)
    machine = Machine(
        cloud.services.run_dir / "machines" / str(identity.device_key),
        {program.executable: AGENT, **stick},
        {DEVICE_FILE: json.dumps(document), f"/etc/systemd/system/{UNIT}.d/short.conf": SHORTER},
        sockets={engine.address.removeprefix("unix://"): "/var/run/docker.sock"},
    )
    try:
        await machine.boot()
    except SandboxError as error:
        machine.close()
        unavailable(f"no systemd as process 1 here: {error}")
    try:
        yield Installed(cloud, identity, machine)
    finally:
        machine.close()


async def test_the_service_commands_do_what_they_say(device: Installed, program: Program) -> None:
    before = await device.reagent("service", "status")
    said = await device.install()
    running = await device.reagent("service", "status")
    kind = await device.service("Type"), await device.service("UnitFileState")
    active = await device.done("readlink", f"{FOLDER}/Reagent-active")

    stopped = await device.reagent("service", "stop")
    still = await device.service("ActiveState"), await device.service("Result")
    asleep = await device.reagent("service", "status")
    seen = device.seen
    again = await device.reagent("service", "start")
    await device.connected(since=seen)

    gone = await device.reagent("service", "uninstall")
    after = await device.reagent("service", "status")
    load = await device.service("LoadState")

    assert before[0] == 1
    assert said.splitlines()[-1] == "installed"
    assert (running[0], running[1].splitlines()[0]) == (0, "service     active")
    assert "CONNECTED" in running[1].upper()
    assert kind == ("notify", "enabled")
    assert active == f"{FOLDER}/reagent-v{program.version}"
    assert stopped == (0, "")
    assert still == ("inactive", "success")
    assert (asleep[0], asleep[1].splitlines()[0]) == (1, "service     inactive")
    assert again == (0, "")
    assert gone[0] == 0
    assert "uninstalled" in gone[1]
    assert (after[0], after[1].splitlines()[0]) == (1, "service     inactive")
    assert load == "not-found"


async def test_it_is_started_again_when_it_was_killed(device: Installed) -> None:
    await device.install()
    first, seen = await device.service("MainPID"), device.seen

    await device.done("systemctl", "kill", "--signal=KILL", "--kill-whom=main", UNIT)
    await device.connected(since=seen)

    assert await device.service("MainPID") not in {first, "0"}
    assert await device.service("NRestarts") == "1"
    assert await device.service("ActiveState") == "active"


async def test_one_that_stands_still_is_ended_and_started_again(device: Installed) -> None:
    await device.install()
    first, seen = await device.service("MainPID"), device.seen

    await device.done("systemctl", "kill", "--signal=STOP", "--kill-whom=main", UNIT)
    await device.connected(since=seen)
    journal = await device.done("journalctl", "--no-pager", "-o", "cat", "-u", UNIT)

    assert await device.service("MainPID") not in {first, "0"}
    assert await device.service("NRestarts") == "1"
    assert "Watchdog timeout" in journal
    assert "Failed with result 'watchdog'" in journal


@pytest.mark.parametrize("target", ["", f"{FOLDER}/reagent-v9.9.9"], ids=["missing", "dangling"])
async def test_a_service_whose_active_link_names_nothing_is_mended_as_it_starts(
    device: Installed, program: Program, target: str
) -> None:
    await device.install()
    active = f"{FOLDER}/Reagent-active"
    await device.done("systemctl", "stop", UNIT)
    await device.done("rm", active)
    if target:
        await device.done("ln", "-s", target, active)
    seen = device.seen

    await device.done("systemctl", "start", UNIT)
    await device.connected(since=seen)

    assert await device.done("readlink", active) == f"{FOLDER}/reagent-v{program.version}"
    assert await device.service("NRestarts") == "0"


async def test_an_update_is_no_restart_of_the_service(device: Installed, program: Program) -> None:
    """The version that tries another stays process and parent; the one committed takes its place."""
    await device.install()
    pid = await device.service("MainPID")

    said = await device.done(AGENT, "update", "apply", STICK)
    await device.links(active=f"reagent-v{NEW}", previous=f"reagent-v{program.version}")
    status = await device.reported(NEW)

    assert NEW in said
    assert status == "CONNECTED"
    assert await device.service("MainPID") == pid
    assert await device.service("NRestarts") == "0"
    assert await device.service("ActiveState") == "active"
