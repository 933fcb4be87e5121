"""An app's life on a real engine: what the platform hears, what the engine has, what stays."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Final

import pytest
from docker.models.containers import Container

from sandbox import images
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import Engine

KEY: Final = 77
NAME: Final = "Vision"
CONTAINER: Final = "prod_77_vision"
FETCHED: Final = ["STARTING", "DOWNLOADING", "PRESENT", "RUNNING"]


def _request(target: str, current: str, **fields: object) -> dict[str, object]:
    return {
        "app_key": KEY,
        "app_name": NAME,
        "stage": "PROD",
        "current_state": current,
        "target_state": target,
        "requestor_account_key": 501,
        "device_owner_account_key": 9,
        "release_key": 900,
        "present_version": "1.0.0",
        "newest_version": "1.0.0",
        **fields,
    }


async def _bring(
    cloud: Cloud, user: Caller, device: Device, target: str, current: str, **fields: object
) -> list[str]:
    """Ask for a state; the states reported on the way to it."""
    seen = len(cloud.backend.states(device.identity, KEY))
    await user.ask(device.identity, "request_app_state", **_request(target, current, **fields))
    return await cloud.backend.state(device.identity, KEY, target, since=seen)


def _inspect(engine: Engine, name: str = CONTAINER) -> Mapping[str, object]:
    with engine.client() as client:
        found: Container = client.containers.get(name)
        return dict(found.attrs)


def _names(engine: Engine) -> list[str]:
    with engine.client() as client:
        return [str(each.name) for each in client.containers.list(all=True)]


@pytest.fixture
async def online(cloud: Cloud, engine: Engine, device: Device) -> Device:
    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED")
    return device


async def test_an_app_lives_from_its_first_request_to_its_uninstall(
    cloud: Cloud, user: Caller, engine: Engine, online: Device
) -> None:
    cloud.registry.push_app(KEY, NAME, "1.0.0", images.app("counter"))
    ports = [{"name": "web", "port": 8080, "protocol": "http"}]

    ran = await _bring(cloud, user, online, "RUNNING", "REMOVED", ports=ports)
    container = _inspect(engine)
    stopped = await _bring(cloud, user, online, "PRESENT", "RUNNING", ports=ports)
    names_when_stopped = _names(engine)
    ran_again = await _bring(cloud, user, online, "RUNNING", "PRESENT", ports=ports)
    removed = await _bring(cloud, user, online, "REMOVED", "RUNNING", ports=ports)
    installed = await _bring(cloud, user, online, "PRESENT", "REMOVED", ports=ports)
    uninstalled = await _bring(cloud, user, online, "UNINSTALLED", "PRESENT", ports=ports)

    assert ran == FETCHED
    assert stopped == ["STOPPING", "STOPPING", "PRESENT"]
    assert ran_again == ["STARTING", "RUNNING"]
    assert removed == ["DELETING", "REMOVED"]
    assert installed == ["DOWNLOADING", "PRESENT"]
    assert uninstalled == ["DELETING", "REMOVED", "UNINSTALLED"]
    assert CONTAINER not in names_when_stopped
    assert CONTAINER not in _names(engine)
    config, host = container["Config"], container["HostConfig"]
    assert isinstance(config, dict)
    assert isinstance(host, dict)
    assert config["Labels"] == {"real": "True"}
    assert config["Tty"] is True
    assert "APP_NAME=Vision" in config["Env"]
    assert "DEVICE_PORT_FOR_8080=40000" in config["Env"]
    assert host["Privileged"] is True
    assert host["RestartPolicy"]["Name"] in {"", "no"}
    assert host["PortBindings"] == {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40000"}]}
    assert {mount["Destination"] for mount in container["Mounts"]} >= {"/shared", "/data"}  # type: ignore[attr-defined]


async def test_an_app_that_dies_is_started_again(
    cloud: Cloud, user: Caller, engine: Engine, online: Device
) -> None:
    cloud.registry.push_app(KEY, NAME, "1.0.0", images.app("counter"))
    await _bring(cloud, user, online, "RUNNING", "REMOVED")
    seen = len(cloud.backend.states(online.identity, KEY))

    with engine.client() as client:
        client.containers.get(CONTAINER).kill()
    began = asyncio.get_running_loop().time()
    await cloud.backend.state(online.identity, KEY, "FAILED", since=seen)
    noticed = asyncio.get_running_loop().time() - began
    states = await cloud.backend.state(online.identity, KEY, "RUNNING", since=seen)

    assert states == ["FAILED", "STARTING", "RUNNING"]
    assert noticed < 5.0  # the look that nobody asked for comes after ten seconds


async def test_an_app_that_ends_at_once_fails_and_its_last_words_are_heard(
    cloud: Cloud, user: Caller, online: Device
) -> None:
    cloud.registry.push_app(KEY, NAME, "1.0.0", images.app("crasher"))
    logs = await user.logs(online.identity, CONTAINER)

    await user.ask(online.identity, "request_app_state", **_request("RUNNING", "REMOVED"))
    states = await cloud.backend.state(online.identity, KEY, "FAILED")
    await logs.until_line("crashing")

    assert states[:3] == ["STARTING", "DOWNLOADING", "PRESENT"]
    assert states[-1] == "FAILED"


async def test_a_version_that_the_registry_does_not_have_fails_the_app(
    cloud: Cloud, user: Caller, online: Device
) -> None:
    request = _request("PRESENT", "REMOVED", newest_version="9.9.9")
    await user.ask(online.identity, "request_app_state", **request)

    states = await cloud.backend.state(online.identity, KEY, "FAILED")

    assert states == ["FAILED"]


async def test_a_download_that_is_canceled_leaves_nothing(
    cloud: Cloud, user: Caller, engine: Engine, online: Device
) -> None:
    files = {"app.sh": images.script("counter"), "ballast": secrets.token_hex(30_000_000)}
    cloud.registry.push_app(KEY, NAME, "5.0.0", images.make(["/bin/sh", "/app.sh"], files=files))
    wanted = _request("RUNNING", "REMOVED", present_version="5.0.0", newest_version="5.0.0")
    await user.ask(online.identity, "request_app_state", **wanted)
    await cloud.backend.state(online.identity, KEY, "DOWNLOADING")

    cancel = _request("REMOVED", "DOWNLOADING", cancel_transition=True)
    await user.ask(online.identity, "request_app_state", **cancel)
    await cloud.backend.state(online.identity, KEY, "REMOVED")
    await asyncio.sleep(1)

    assert cloud.backend.states(online.identity, KEY) == ["STARTING", "DOWNLOADING", "REMOVED"]
    assert CONTAINER not in _names(engine)


async def test_a_running_app_outlives_its_agent_and_is_found_again(
    cloud: Cloud, user: Caller, engine: Engine, online: Device
) -> None:
    cloud.registry.push_app(KEY, NAME, "1.0.0", images.app("counter"))
    cloud.backend.database.want_app(online.identity.device_key, _request("RUNNING", "REMOVED"))
    await _bring(cloud, user, online, "RUNNING", "REMOVED")
    before = _inspect(engine)["Id"]
    seen = len(cloud.backend.states(online.identity, KEY))
    statuses = len(cloud.backend.statuses(online.identity))

    await online.kill()
    await online.start()
    await cloud.backend.status(online.identity, "CONNECTED", since=statuses)

    assert _inspect(engine)["Id"] == before
    assert set(cloud.backend.states(online.identity, KEY)[seen:]) == {"RUNNING"}


async def test_containers_of_nobody_are_swept_and_those_of_others_stay(
    cloud: Cloud, engine: Engine, device: Device
) -> None:
    cloud.registry.push("others/image", "1", images.app("counter"))
    with engine.client() as client:
        reference = f"{cloud.registry.address}/others/image:1"
        cloud.registry.admit("somebody", "password")
        client.images.pull(reference, auth_config={"username": "somebody", "password": "password"})
        for name in ("prod_99_ghost", "word_99_ghost", "somebodys"):
            client.containers.create(reference, name=name)

    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED")

    names = _names(engine)
    assert "prod_99_ghost" not in names
    assert {"word_99_ghost", "somebodys"} <= set(names)
