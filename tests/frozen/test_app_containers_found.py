"""Containers that are there already, stages and kinds of apps, a platform that comes late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox import images
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.under_test import patient
from tests.frozen.steps import AppOf, connected, online, registered, until

pytestmark = pytest.mark.timeout(60)

Engine = OwnEngine | GivenEngine


def pulled(cloud: Cloud, engine: Engine, image: str, tag: str = "") -> None:
    """Let the engine have an image before anybody asks for it."""
    with engine.client() as client:
        login = {"username": "sandbox", "password": cloud.registry._pusher[1]}
        found = client.images.pull(image, auth_config=login)
        if tag:
            found.tag(tag)


def inspected(engine: Engine, container: str) -> Any:
    with engine.client() as client:
        return client.api.inspect_container(container)


async def test_a_container_that_fits_is_used_and_one_that_does_not_is_replaced(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    fits, wrong = AppOf(cloud, device, 851, "fits"), AppOf(cloud, device, 852, "wrong")
    await online(cloud, device)
    found: dict[int, str] = {}
    for app, mode in ((fits, "bridge"), (wrong, "host")):
        image = app.push()
        await app.bring(system, "PRESENT")
        with engine.client() as client:
            made = client.containers.create(image, name=app.container, network_mode=mode)
            found[app.key] = str(made.id)

        await app.bring(system, "RUNNING")

    assert inspected(engine, fits.container)["Id"] == found[fits.key]
    replaced = inspected(engine, wrong.container)
    assert replaced["Id"] != found[wrong.key]
    assert replaced["HostConfig"]["NetworkMode"] == "bridge"


async def test_a_name_that_only_begins_the_same_is_another_app(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app, longer = AppOf(cloud, device, 853, "app"), AppOf(cloud, device, 853, "app2")
    app.push()
    image = longer.push()
    pulled(cloud, engine, image)
    await online(cloud, device)
    with engine.client() as client:
        other = client.containers.create(image, name=f"x_{app.container}_2")

    await app.bring(system, "RUNNING")
    await app.bring(system, "REMOVED")

    with engine.client() as client:
        assert [each.id for each in client.containers.list(all=True)] == [other.id]


async def test_an_app_under_development_runs_from_its_local_image(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 854, "Draft")
    name = f"{cloud.registry.address}/apps/dev_{images.architecture()}_854_draft"
    pulled(cloud, engine, app.push(), tag=name)
    await online(cloud, device)
    who = device.identity

    async def bring(target: str, current: str) -> list[str]:
        seen = len(cloud.backend.states(who, 854, "DEV"))
        request = app.row(
            target,
            stage="DEV",
            current_state=current,
            environment={"NEVER": {"value": "1"}},
            environment_template={"LEVEL": {"defaultValue": "info"}},
            ports=[{"name": "web", "port": 48123}],
        )
        await system.ask(who, "request_app_state", **request)
        return await cloud.backend.state(who, 854, target, stage="DEV", since=seen)

    assert await bring("RUNNING", "PRESENT") == ["STARTING", "RUNNING"]
    seen = inspected(engine, "dev_854_draft")
    config = seen["Config"]
    assert config["Image"] == name
    assert config["Tty"] is config["OpenStdin"] is config["AttachStdin"] is True
    env = [entry for entry in config["Env"] if not entry.startswith("PATH=")]
    assert "ENV=DEV" in env
    assert "LEVEL=info" in env
    assert "DEVICE_PORT_FOR_48123=48123" in env
    assert not [entry for entry in env if entry.startswith("NEVER=")]
    assert seen["HostConfig"]["PortBindings"]["48123/tcp"] == [
        {"HostIp": "0.0.0.0", "HostPort": "48123"}
    ]
    assert f"APP_AUTH_ID=app-854-dev-e1@{who.serial_number}" in env
    assert await bring("PRESENT", "RUNNING") == ["STOPPING", "PRESENT"]
    with engine.client() as client:
        assert client.containers.list(all=True) == []


async def test_what_this_version_cannot_do_is_said_and_changes_nothing(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 855, "project")
    await online(cloud, device)
    logs = await system.logs(device.identity, app.container)

    await app.ask(
        system, "RUNNING", docker_compose={"services": {"web": {"image": "nothing:latest"}}}
    )
    await logs.events.until(lambda heard: bool(logs.messages) or len(heard) > 3)
    await asyncio.sleep(patient(0.5))

    assert any("not in this version" in text for text in logs.messages)
    assert "RUNNING" not in app.states
    with engine.client() as client:
        assert client.containers.list(all=True) == []


async def test_a_leftover_secret_file_is_removed(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 856, "tidy")
    app.push()
    await online(cloud, device)
    folder = device.apps / "prod/tidy/env"
    folder.mkdir(parents=True)
    (folder / "DEVICE_SECRET.txt").write_text(device.identity.secret, encoding="ascii")

    await app.bring(system, "RUNNING")

    assert not (folder / "DEVICE_SECRET.txt").exists()


async def test_a_refreshed_credential_reaches_a_running_app(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 857, "rotated")
    app.push()
    app.want("RUNNING", app_cred_epoch=3)
    await online(cloud, device)
    await app.reached("RUNNING")
    file = device.apps / "prod/rotated/env/APP_AUTH_ID.txt"
    before = file.read_text("ascii")

    await app.ask(system, "RUNNING", app_cred_epoch=4)

    await until(lambda: "-e4@" in file.read_text("ascii"), 5.0, "epoch 4 is on disk")
    assert "-e3@" in before
    # A push that does not say it does not take it back, nor does what follows from it.
    await app.bring(system, "PRESENT")
    await app.bring(system, "RUNNING")
    with engine.client() as client:
        env = client.api.inspect_container(app.container)["Config"]["Env"]
    assert "-e4@" in file.read_text("ascii")
    assert any(entry.startswith("APP_AUTH_ID=") and "-e4@" in entry for entry in env)
    # What is re-driven from the store keeps the epoch.
    await cloud.backend.leave()
    await cloud.backend.rejoin()
    await asyncio.sleep(patient(0.5))
    assert "-e4@" in file.read_text("ascii")


async def test_a_platform_that_comes_later_finds_a_device_that_waited(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 859, "patient")
    app.push()
    app.want("RUNNING")
    await cloud.backend.leave()

    await device.start()
    while "device_handshake" not in await registered(system, device.identity):
        await asyncio.sleep(0.05)
    answer = await system.ask(device.identity, "device_handshake")
    await asyncio.sleep(patient(1.0))
    await cloud.backend.rejoin()
    await connected(cloud, device)

    assert answer.kwargs["id"] == device.identity.serial_number
    assert device.exits == []
