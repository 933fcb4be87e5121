"""As process 1, of a process namespace and of a container from scratch: signals, the dead, updates."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import OwnEngine
from sandbox.program import Program
from sandbox.reaper import children
from tests.frozen.steps import until
from tests.frozen.surroundings import Bare, answers, answers_still, on_tree, without_traceback
from tests.frozen.updating import Press, Unit, started

pytestmark = pytest.mark.timeout(120)

NEW = "1.1.0"


class Inside(Unit):
    """A unit of which the process that was started is the one outside of a namespace."""

    @property
    def candidates(self) -> list[int]:
        """What the agent runs, whose process id never changes."""
        return children(agent_of(self.device))


def init_of(device: Device) -> int:
    """The process that is 1 in there, as it is called here."""
    return children(device.pid)[0]


def agent_of(device: Device) -> int:
    """The agent in there."""
    return children(init_of(device))[0]


def state(process: int) -> str:
    """R, S, Z, ...; empty where there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("ascii")
    except OSError:
        return ""
    return text[text.rindex(")") + 2]


def orphans(device: Device) -> list[int]:
    """Children of process 1 that it did not start."""
    return [each for each in children(init_of(device)) if each != agent_of(device)]


async def test_the_dead_that_others_leave_behind_are_buried(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    device = cloud.new_device(program)
    device.prefix = on_tree(device, "alpine", init=True).prefix
    sleeps = "/usr/bin/busybox sleep 600 >/dev/null 2>&1 &"
    script = f"/usr/bin/busybox setsid /usr/bin/busybox sh -c '{sleeps}'"

    await answers(cloud, device, user)
    await user.ask(
        device.identity,
        "execute_cmd",
        {"cmd": "/usr/bin/busybox", "args": ["sh", "-c", script], "blocking": True},
    )
    await until(lambda: orphans(device) != [], 5.0, "an orphan of process 1")
    (orphan,) = orphans(device)
    alive = state(orphan)
    os.kill(orphan, signal.SIGKILL)
    await until(lambda: state(orphan) == "", 10.0, "it is buried")

    assert alive in "SR"
    assert orphans(device) == []
    without_traceback(device)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_that_process_1_would_not_get_ends_it_in_order(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, number: signal.Signals
) -> None:
    device = cloud.new_device(program)
    device.prefix = on_tree(device, "alpine", init=True).prefix
    await answers(cloud, device, user)

    device.send(number)

    assert await device.exited(10.0) == 0
    await device.logged("session ended")


async def test_it_updates_itself_as_process_1_and_its_process_stays(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    press, unit = Press.of(cloud, program), Inside(cloud, program)
    # Nothing for standard descriptors either: no hand-over may stumble over what it prints.
    unit.device.prefix = on_tree(
        unit.device,
        "alpine",
        init=True,
        closed=(0, 1, 2),
        late_mounts=(("tmpfs", "", "/dev", ""),),
    ).prefix
    press.release(program.version)
    await started(unit)
    before = init_of(unit.device), agent_of(unit.device)
    press.release(NEW)

    await user.ask(unit.device.identity, "update_agent")
    await unit.on(NEW)

    assert (init_of(unit.device), agent_of(unit.device)) == before
    assert unit.device.starts == 1
    assert await unit.device.stop() == 0


def scratch(device: Bare) -> bytes:
    """A tar of a root with two files in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(device.root.iterdir()):
            archive.add(path, path.name)
    return buffer.getvalue()


async def test_a_container_from_scratch_is_a_device(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    device = Bare.of(cloud, program)
    socket = engine.address.removeprefix("unix://")
    with engine.client() as client:
        client.api.import_image_from_data(scratch(device), repository="from-scratch", tag="1")
        container: Any = await asyncio.to_thread(
            client.containers.run,
            "from-scratch:1",
            device.command,
            detach=True,
            network_mode="host",
            volumes={socket: {"bind": "/var/run/docker.sock"}},
        )
        try:
            await cloud.backend.status(device.identity, "CONNECTED", within=20.0)
            await answers_still(device, user)
            processes = (await asyncio.to_thread(container.top))["Processes"]
            await asyncio.to_thread(container.stop, timeout=10)
            ended = await asyncio.to_thread(container.wait, timeout=10)
            said = container.logs().decode()
        finally:
            await asyncio.to_thread(container.remove, force=True)
            client.images.remove("from-scratch:1", force=True)

    assert len(processes) == 2
    assert ended["StatusCode"] == 0  # 137 is what it would be if it did not listen
    assert "Traceback" not in said
