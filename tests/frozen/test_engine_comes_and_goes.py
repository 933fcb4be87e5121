"""The Docker engine is late, goes away, comes back; offline there is only the engine."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from sandbox.wamp import CallError
from tests.frozen.steps import AppOf, all_registered, online, until

pytestmark = pytest.mark.timeout(90)


def runs(engine: OwnEngine, app: AppOf) -> bool:
    with engine.client() as client:
        return bool(client.containers.list(filters={"name": f"^{app.container}$"}))


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
    await all_registered(system, device)
    answer = await system.ask(device.identity, "device_handshake")
    waiting = cloud.backend.statuses(device.identity)
    here = Path(address.removeprefix("unix://"))
    here.symlink_to(engine.address.removeprefix("unix://"))
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
    await asyncio.sleep(patient(1.5))
    answer = await system.ask(device.identity, "device_handshake")
    seen = len(app.states)
    await asyncio.to_thread(engine.start)
    await until(lambda: runs(engine, app), 30.0, "the container runs again")
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
    await until(lambda: runs(engine, app), 15.0, "the app runs offline")
    device.send(signal.SIGINT)
    assert await device.exited(10.0) == 0
    assert runs(engine, app)
    assert cloud.backend.calls[said:] == []
    assert device.leftovers() == []


async def test_an_engine_that_never_answers_keeps_nothing_else_waiting(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    path = cloud.services.run_dir / "mute.sock"
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(str(path))
    mute.listen(64)
    device = cloud.new_device(program, engine=f"unix://{path}")

    await device.start()
    await cloud.backend.status(device.identity, "CONFIGURING")
    await all_registered(system, device)
    begun = time.monotonic()
    with pytest.raises(CallError) as refused:
        await system.ask(device.identity, "get_images")
    took = time.monotonic() - begun
    answer = await system.ask(device.identity, "device_handshake")
    device.send(signal.SIGTERM)
    status = await device.exited(10.0)
    mute.close()

    assert refused.value.error == "wamp.error.canceled"
    assert took < patient(6.0)
    assert answer.kwargs["id"] == device.identity.serial_number
    assert status == 0
