"""An installed app becomes its newest version (docs/contract/apps.md 2.8)."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from contextlib import closing

import pytest

from sandbox import images
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.link_that_dies import Link
from tests.frozen.steps import AppOf, online, until

pytestmark = pytest.mark.timeout(60)

Engine = OwnEngine | GivenEngine

ASKED: dict[str, object] = {
    "present_version": "1.0.0",
    "newest_version": "2.0.0",
    "request_update": True,
    "new_release_key": 901,
}


def tags(engine: Engine, app: AppOf) -> list[str]:
    """Which versions of an app are on the device."""
    with engine.client() as client:
        found = [tag for image in client.images.list() for tag in image.tags]
    return sorted(tag.rpartition(":")[2] for tag in found if f"_{app.key}_{app.name}:" in tag)


def exists(engine: Engine, app: AppOf) -> bool:
    """Whether it has a container."""
    with engine.client() as client:
        return bool(client.containers.list(filters={"name": f"^{app.container}$"}))


def image_of(engine: Engine, app: AppOf) -> str:
    """What its container was made of."""
    with engine.client() as client:
        return str(client.api.inspect_container(app.container)["Config"]["Image"])


def stored(device: Device, app: AppOf) -> tuple[object, ...]:
    """Its row of requested states."""
    with closing(sqlite3.connect(device.database)) as connection:
        found: tuple[object, ...] = connection.execute(
            "SELECT present_version, newest_version, release_key, manually_requested_state,"
            " current_state FROM RequestedAppStates WHERE app_key = ?",
            (app.key,),
        ).fetchone()
    return found


async def test_an_update_is_fetched_confirmed_and_run(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 621, "renewed")
    app.push()
    app.push("web", version="2.0.0")
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    seen = len(app.states)

    states = await app.bring(system, "RUNNING", **ASKED)

    assert states == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]
    reports = [
        report.payload
        for report in cloud.backend.database.app_reports(device.identity.device_key, 621)
    ][seen:]
    assert [report["updateStatus"] for report in reports] == [
        "",
        "pending_remote_confirmation",
        "completed",
        "completed",
    ]
    assert [report["release_key"] for report in reports] == [900, 901, 901, 901]
    assert image_of(engine, app).endswith(":2.0.0")
    await until(lambda: tags(engine, app) == ["2.0.0"], what="the old version is gone")
    assert stored(device, app) == ("2.0.0", "2.0.0", 901, "RUNNING", "RUNNING")


async def test_a_device_without_its_platform_runs_what_is_installed_and_updates_later(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 624, "remote")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    seen = len(app.states)
    await app.ask(system, "RUNNING", **ASKED)
    await app.reached("FAILED", since=seen)
    await device.stop()
    app.push(version="2.0.0")

    await device.start("-offline")
    await until(lambda: exists(engine, app), what="the app runs")
    before = image_of(engine, app)
    await device.stop()
    app.want("RUNNING", **ASKED)
    seen = len(app.states)
    await online(cloud, device)
    await app.reached("UPDATING", since=seen)
    await app.reached("RUNNING", since=app.states.index("UPDATING", seen))

    assert before.endswith(":1.0.0")
    assert image_of(engine, app).endswith(":2.0.0")


async def test_an_update_that_cannot_be_had_fails_and_is_tried_again(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 622, "late")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    seen = len(app.states)

    await app.ask(system, "RUNNING", **ASKED)
    failed = await app.reached("FAILED", since=seen)
    app.push(version="2.0.0")
    again = await app.reached("RUNNING", since=seen + len(failed))

    assert failed == ["UPDATING", "FAILED"]
    assert again == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]


async def test_an_update_is_canceled_by_asking_for_less(
    cloud: Cloud, program: Program, engine: Engine, system: Caller
) -> None:
    async with Link(f"http://{cloud.registry.address}", stalls_after=2_000_000) as slow:
        device = cloud.new_device(program, changes={"docker_registry_url": f"{slow.address}/"})
        app = AppOf(cloud, device, 623, "endless")
        app.push()
        noise = {"app.sh": images.script("counter"), "noise": secrets.token_hex(4_000_000)}
        cloud.registry.push_app(623, "endless", "2.0.0", images.make(["/bin/sh"], files=noise))
        await online(cloud, device)
        await app.bring(system, "RUNNING")
        seen = len(app.states)
        await app.ask(system, "RUNNING", **ASKED)
        await app.reached("UPDATING", since=seen)
        await asyncio.sleep(patient(0.5))

        await app.ask(system, "PRESENT")
        states = await app.reached("PRESENT", since=seen)
        await asyncio.sleep(patient(0.5))

        assert app.states[seen:] == states == ["UPDATING", "PRESENT"]
        reports = cloud.backend.database.app_reports(device.identity.device_key, 623)
        assert reports[-1].payload["updateStatus"] == "canceled"
        assert await app.bring(system, "RUNNING") == ["STARTING", "RUNNING"]
        assert image_of(engine, app).endswith(":1.0.0")
