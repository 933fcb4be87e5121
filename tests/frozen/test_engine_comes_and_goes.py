"""The Docker engine is late, goes away, comes back; offline there is only the engine."""

from __future__ import annotations

import asyncio
import signal

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import OwnEngine
from sandbox.program import Program
from tests.frozen.steps import PROCEDURES, AppOf, online, registered, until

pytestmark = pytest.mark.timeout(90)


def late_engine(cloud: Cloud, device_engine: str) -> None:
    """Let the engine of the session answer at another address too."""
    there = cloud.engine.address.removeprefix("unix://")
    here = device_engine.removeprefix("unix://")
    asyncio.get_running_loop()
    from pathlib import Path  # noqa: PLC0415

    Path(here).symlink_to(there)


async def test_an_engine_that_comes_up_late_finds_a_device_that_is_reachable(
    cloud: Cloud, program: Program, engine: OwnEngine, system: Caller
) -> None:
    address = f"unix://{cloud.services.run_dir}/late.sock"
    device = cloud.new_device(program, engine=address)
    app = AppOf(cloud, device, 310, "patient")
    app.push()
    app.want("RUNNING")

    await device.start()
    await cloud.backend.status(device.identity, "CONFIGURING")
    await until(lambda: "Docker engine" in device.printed(), 15.0, "the engine is said to be late")
    while len(await registered(system, device.identity)) < len(PROCEDURES) + 1:
        await asyncio.sleep(0.1)
    answer = await system.ask(device.identity, "device_handshake")
    waiting = cloud.backend.statuses(device.identity)
    late_engine(cloud, address)
    await app.reached("RUNNING", within=15.0)

    assert answer.kwargs["id"] == device.identity.serial_number
    assert waiting == ["CONFIGURING"]
    await cloud.backend.status(device.identity, "CONNECTED")
    assert cloud.backend.statuses(device.identity) == ["CONFIGURING", "CONNECTED"]


async def test_an_engine_that_is_restarted_gets_its_apps_back(
    cloud: Cloud, device: Device, engine: OwnEngine, system: Caller
) -> None:
    app = AppOf(cloud, device, 311, "steady")
    app.push()
    app.want("RUNNING")
    await online(cloud, device)
    await app.reached("RUNNING")

    await asyncio.to_thread(engine.stop)
    await asyncio.sleep(1.5)
    answer = await system.ask(device.identity, "device_handshake")
    seen = len(app.states)
    await asyncio.to_thread(engine.start)

    def runs() -> bool:
        with engine.client() as client:
            found = client.containers.list(filters={"name": f"^{app.container}$"})
        return bool(found)

    await until(runs, 30.0, "the container runs again")
    assert answer.kwargs["id"] == device.identity.serial_number
    assert device.exits == []
    await cloud.backend.until(lambda: app.states[-1] == "RUNNING", 10.0)
    assert set(app.states[seen:]) <= {"FAILED", "STARTING", "RUNNING", "PRESENT"}


async def test_offline_the_stored_apps_run_and_a_signal_ends_it(
    cloud: Cloud, device: Device, engine: OwnEngine, system: Caller
) -> None:
    app = AppOf(cloud, device, 312, "hermit")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    await device.stop()
    with engine.client() as client:
        client.containers.get(app.container).remove(force=True)
    said = len(cloud.backend.calls)

    await device.start("-offline")

    def runs() -> bool:
        with engine.client() as client:
            found = client.containers.list(filters={"name": f"^{app.container}$"})
        return bool(found)

    await until(runs, 15.0, "the app runs offline")
    device.send(signal.SIGINT)
    assert await device.exited(10.0) == 0
    assert runs()
    assert cloud.backend.calls[said:] == []
    assert device.leftovers() == []
