"""Apps that end by themselves, and people who meddle with containers (apps.md 2.9, 6.3)."""

from __future__ import annotations

import asyncio
import time

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.under_test import patient
from tests.frozen.steps import AppOf, connected, online, until

pytestmark = pytest.mark.timeout(60)

Engine = OwnEngine | GivenEngine


def runs(engine: Engine, app: AppOf) -> bool:
    with engine.client() as client:
        return bool(client.containers.list(filters={"name": f"^{app.container}$"}))


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_container_that_somebody_ended_is_started_again(
    cloud: Cloud, device: Device, engine: Engine, system: Caller, how: str
) -> None:
    app = AppOf(cloud, device, 703, "stubborn")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    logs = await system.logs(device.identity, app.container)
    seen = len(app.states)

    begun = time.monotonic()
    with engine.client() as client:
        container = client.containers.get(app.container)
        await asyncio.to_thread(container.stop if how == "stop" else container.kill)
    await app.reached("FAILED", since=seen, within=15.0)
    noticed = time.monotonic() - begun
    states = await app.reached("RUNNING", since=seen, within=15.0)

    assert noticed < patient(13.0)
    assert states == ["FAILED", "STARTING", "RUNNING"]
    assert runs(engine, app)
    assert any("exit" in text and ("0" in text or "137" in text) for text in logs.messages)


async def test_a_container_that_somebody_started_is_known_to_run(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 704, "revived")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    seen = len(app.states)

    with engine.client() as client:
        container = client.containers.get(app.container)
        await asyncio.to_thread(container.restart, timeout=1)
    await asyncio.sleep(patient(3.0))
    await until(lambda: runs(engine, app), 15.0, "it runs")

    assert set(app.states[seen:]) <= {"FAILED", "STARTING", "RUNNING"}
    assert app.states[-1] == "RUNNING"


async def test_apps_go_on_while_the_agent_is_away_and_are_found_again(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 705, "lonely")
    app.push()
    app.want("RUNNING")
    await online(cloud, device)
    await app.reached("RUNNING")
    with engine.client() as client:
        before = client.containers.get(app.container).id

    await device.stop()
    assert runs(engine, app)
    seen, statuses = len(app.states), len(cloud.backend.statuses(device.identity))
    await device.start()
    await connected(cloud, device, since=statuses)
    await cloud.backend.until(lambda: app.states[seen:].count("RUNNING") >= 2, 10.0)

    with engine.client() as client:
        assert client.containers.get(app.container).id == before
    # Corrected once, and driven to where it is.
    assert set(app.states[seen:]) == {"RUNNING"}
