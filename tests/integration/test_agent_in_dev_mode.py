"""The agent of the source tree under Python's development mode, which the executable has none of.

The scenarios of `tests/frozen` judge the executable, and with `REAGENT_EXECUTABLE=source` the source
tree. What is left for here is what only an interpreter can tell: coroutines that were never awaited,
sockets and files that were never closed, tasks that were destroyed, steps that block the loop.
"""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from tests.frozen.steps import PROCEDURES, AppOf, connected, online, registered

pytestmark = pytest.mark.timeout(90)

COMPLAINTS = ("Warning", "never awaited", "destroyed", "never retrieved", "Traceback", "unclosed")
# Starting imports modules, and the development mode doubles what that takes.
BLOCKED_S = 0.5


def in_dev_mode(device: Device) -> Device:
    device.environment |= {
        "PYTHONDEVMODE": "1",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONTRACEMALLOC": "5",
        "PYTHONUNBUFFERED": "1",
    }
    return device


def complaints(device: Device) -> list[str]:
    """What the interpreter found wrong."""
    said = device.printed() + device.log.read_text("utf-8")
    found = [line for line in said.splitlines() if any(word in line for word in COMPLAINTS)]
    slow = [
        line
        for line in said.splitlines()
        if (took := re.search(r"Executing .* took ([\d.]+) seconds", line))
        and float(took.group(1)) > BLOCKED_S
    ]
    return found + slow


async def listening(device: Device) -> None:
    """Wait until our own first lines run: until then an interpreter starts, and stops as it likes."""
    status = Path(f"/proc/{device.pid}/status")
    async with asyncio.timeout(30):
        while True:
            words = status.read_text("ascii").split()
            caught = int(words[words.index("SigCgt:") + 1], 16)
            if caught >> (signal.SIGTERM - 1) & 1:
                return
            await asyncio.sleep(0.002)


async def test_a_whole_life_leaves_nothing_open_and_blocks_nothing(
    cloud: Cloud, device: Device, engine: OwnEngine | GivenEngine, system: Caller
) -> None:
    in_dev_mode(device)
    app = AppOf(cloud, device, 951, "life")
    app.push()
    await online(cloud, device)
    logs = await system.logs(device.identity, app.container)
    app.want("RUNNING")

    await app.bring(system, "RUNNING")
    await logs.until_count(2)
    for _ in range(2):
        statuses = len(cloud.backend.statuses(device.identity))
        await cloud.backend.cut(device.identity.authid)
        await connected(cloud, device, since=statuses)
    for name in PROCEDURES:
        if name != "request_app_state":
            await asyncio.gather(
                system.ask(device.identity, name, {"containerName": app.container}),
                return_exceptions=True,
            )
    await app.bring(system, "PRESENT")
    await app.bring(system, "UNINSTALLED")
    assert len(await registered(system, device.identity)) == len(PROCEDURES) + 1
    device.send(signal.SIGTERM)
    status = await device.exited()

    assert status == 0
    assert complaints(device) == []


@pytest.mark.parametrize("moment", [0.0, 0.15, 0.3, 0.45, 0.8, 1.2, 2.0])
async def test_a_stop_at_any_moment_leaves_nothing_open(
    cloud: Cloud, device: Device, engine: OwnEngine | GivenEngine, moment: float
) -> None:
    in_dev_mode(device)
    app = AppOf(cloud, device, 952, "cut-short")
    app.push()
    app.want("RUNNING")

    await device.start()
    await listening(device)
    await asyncio.sleep(moment)
    device.send(signal.SIGINT)
    status = await device.exited()

    assert status == 0
    if device.log.exists():
        assert complaints(device) == []


async def test_without_a_router_or_an_engine_nothing_is_left_open_either(
    cloud: Cloud, device: Device
) -> None:
    in_dev_mode(device)
    device.engine = "unix:///nowhere/docker.sock"
    cloud.router.dismiss(device.identity.authid)

    await device.start()
    await device.logged("dial failed")
    await asyncio.sleep(1.5)
    device.send(signal.SIGTERM)

    assert await device.exited() == 0
    assert complaints(device) == []


async def test_a_refused_secret_leaves_nothing_open(cloud: Cloud, device: Device) -> None:
    in_dev_mode(device)
    cloud.router.admit(device.identity.authid, "another secret")

    await device.start()

    assert await device.exited() == 1
    assert complaints(device) == []
