"""Which states are reported on the way from one to another (docs/contract/wamp.md 3.1, annex A)."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from sandbox import images
from sandbox.answers import REGISTRY_TOKEN, UPDATE_APP
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.link_that_dies import Link
from tests.frozen.steps import AppOf, online, sessions_of, until, uri

pytestmark = pytest.mark.timeout(60)

Engine = OwnEngine | GivenEngine
ONRELOAD = "tunnel_state_update/onreload"


def exists(engine: Engine, app: AppOf) -> bool:
    with engine.client() as client:
        return bool(client.containers.list(all=True, filters={"name": f"^{app.container}$"}))


def has_image(engine: Engine, image: str) -> bool:
    with engine.client() as client:
        return any(image in each.tags for each in client.images.list())


async def test_the_life_of_an_app(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 601, "Life")
    image = app.push()
    await online(cloud, device)
    data = device.apps / "prod/life"

    assert await app.bring(system, "PRESENT") == ["DOWNLOADING", "PRESENT"]
    assert has_image(engine, image)
    assert not exists(engine, app)
    assert await app.bring(system, "RUNNING") == ["STARTING", "RUNNING"]
    assert exists(engine, app)
    assert await app.bring(system, "PRESENT") == ["STOPPING", "STOPPING", "PRESENT"]
    assert not exists(engine, app)
    assert await app.bring(system, "REMOVED") == ["DELETING", "REMOVED"]
    assert not has_image(engine, image)
    assert data.exists()
    assert await app.bring(system, "RUNNING") == ["STARTING", "DOWNLOADING", "PRESENT", "RUNNING"]
    assert await app.bring(system, "REMOVED") == ["DELETING", "REMOVED"]
    assert not exists(engine, app)
    await app.bring(system, "RUNNING")
    (data / "kept.txt").write_text("of the app", encoding="utf-8")
    assert await app.bring(system, "UNINSTALLED") == ["DELETING", "REMOVED", "UNINSTALLED"]
    assert not exists(engine, app)
    assert not has_image(engine, image)
    await until(lambda: not data.exists(), 10.0, "the app's data is deleted")
    assert await app.bring(system, "RUNNING") == ["STARTING", "DOWNLOADING", "PRESENT", "RUNNING"]


async def test_a_request_for_the_state_that_is_there_reports_it_again(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 602, "content")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    with engine.client() as client:
        before = client.containers.get(app.container).id

    assert await app.bring_again(system, "RUNNING") == ["RUNNING"]
    with engine.client() as client:
        assert client.containers.get(app.container).id == before
    await app.bring(system, "PRESENT")
    assert await app.bring_again(system, "PRESENT") == ["PRESENT"]


async def test_what_ended_well_has_tunnels_looked_at_again(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 613, "nudge")
    app.push()
    await online(cloud, device)
    nudges = await system.follow(uri(device.identity, ONRELOAD))

    await app.bring(system, "RUNNING")
    await nudges.until(lambda heard: len(heard) == 1)
    await app.bring_again(system, "RUNNING")
    await nudges.until(lambda heard: len(heard) == 2)

    assert [(each.args, each.kwargs) for each in nudges.heard] == [((), {})] * 2


async def test_a_pair_that_is_not_in_the_table_is_passed_over(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 603, "odd")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    await app.bring(system, "UNINSTALLED")
    seen = len(app.states)

    await app.ask(system, "REMOVED", current_state="UNINSTALLED")
    await app.ask(system, "FAILED", current_state="UNINSTALLED")
    await asyncio.sleep(patient(0.7))

    assert app.states[seen:] == []


async def test_a_state_report_carries_the_whole_record(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 604, "Report")
    app.push()
    await online(cloud, device)
    who = device.identity
    cloud.backend.database.grant(77)

    await app.bring(system, "PRESENT", release_key="912", requestor_account_key="77", state="X")

    (first, *_) = [c for c in cloud.backend.seen(UPDATE_APP) if "state" in c.first]
    assert first.kwargs == {}
    assert first.args == (
        {
            "app_key": 604,
            "device_key": who.device_key,
            "swarm_key": who.swarm_key,
            "serial_number": who.serial_number,
            "stage": "PROD",
            "state": "DOWNLOADING",
            "device_to_app_key": 0,
            "requestor_account_key": 77,
            "release_key": 912,
            "request_update": False,
            "release_build": False,
            "updateStatus": "",
        },
    )


async def test_the_registry_token_is_asked_for_the_owner_or_the_requestor(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 605, "tokens")
    app.push()
    await online(cloud, device)

    await app.bring(system, "PRESENT", device_owner_account_key=9)
    await app.bring(system, "RUNNING")
    other = AppOf(cloud, device, 606, "tokens2")
    other.push()
    cloud.backend.database.grant(88)
    await other.bring(system, "PRESENT", requestor_account_key=88)

    asked = [call.args for call in cloud.backend.seen(REGISTRY_TOKEN)]
    assert asked[0] == ({"callerID": 9},)
    assert asked[-1] == ({"callerID": 88},)
    assert len(asked) == 3


async def test_an_image_that_is_not_there_is_a_failure_that_is_told(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 607, "missing")
    await online(cloud, device)
    logs = await system.logs(device.identity, app.container)

    await app.ask(system, "RUNNING")
    states = await app.reached("FAILED")

    assert states[0] == "STARTING"
    assert states[-1] == "FAILED"
    assert "RUNNING" not in states
    assert any("missing" in text for text in logs.messages)
    # Left alone it is tried again; once the image is there, it runs.
    app.push()
    await app.reached("RUNNING", since=len(states))


@pytest.mark.parametrize("name", ["a b", "a..b", "#1", "ünï"])
async def test_a_name_that_no_engine_and_no_router_takes_is_a_failed_app_and_nothing_more(
    cloud: Cloud, device: Device, engine: Engine, system: Caller, name: str
) -> None:
    app = AppOf(cloud, device, 612, name)
    await online(cloud, device)
    sessions = await sessions_of(system, device)

    await app.ask(system, "RUNNING")

    assert await app.reached("FAILED") == ["STARTING", "FAILED"]
    assert await app.bring(system, "UNINSTALLED") == ["DELETING", "REMOVED", "UNINSTALLED"]
    assert sessions.ids == []
    assert sessions.left.heard == []


async def test_a_refused_login_is_a_failure_and_no_secret_is_told(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 608, "locked")
    app.push()
    cloud.backend.answer(REGISTRY_TOKEN, "a token that nobody knows")
    await online(cloud, device)
    logs = await system.logs(device.identity, app.container)

    await app.ask(system, "PRESENT")
    await app.reached("FAILED")

    said = "".join([*logs.messages, *logs.raw]) + device.log.read_text("utf-8")
    assert device.identity.secret not in said
    assert "a token that nobody knows" not in said


async def test_a_token_that_cannot_be_had_leaves_the_app_as_it_is(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 609, "tokenless")
    app.push()
    cloud.backend.fail(REGISTRY_TOKEN, times=1)
    await online(cloud, device)

    await app.ask(system, "PRESENT")
    await cloud.backend.called(REGISTRY_TOKEN)
    await asyncio.sleep(patient(0.5))

    assert app.states == []
    assert await app.bring(system, "PRESENT") == ["DOWNLOADING", "PRESENT"]


async def test_what_is_asked_for_while_it_is_busy_is_done_afterwards(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 610, "busy")
    app.push()
    await online(cloud, device)
    cloud.backend.slow(UPDATE_APP, 0.5, times=1)

    await app.ask(system, "RUNNING")
    await cloud.backend.called(UPDATE_APP)
    await app.ask(system, "PRESENT")
    states = await app.reached("STOPPING")
    seen = len(states)
    await app.reached("PRESENT", since=seen)

    assert "RUNNING" in states
    assert not exists(engine, app)


async def test_a_pull_is_canceled_by_asking_for_it(
    cloud: Cloud, program: Program, engine: Engine, system: Caller
) -> None:
    async with Link(f"http://{cloud.registry.address}", stalls_after=200_000) as slow:
        device = cloud.new_device(program, changes={"docker_registry_url": f"{slow.address}/"})
        app = AppOf(cloud, device, 611, "slow")
        noise = {"app.sh": images.script("counter"), "noise": secrets.token_hex(400_000)}
        cloud.registry.push_app(611, "slow", "1.0.0", images.make(["/bin/sh"], files=noise))
        await online(cloud, device)
        await app.ask(system, "PRESENT")
        await app.reached("DOWNLOADING")
        await asyncio.sleep(patient(0.5))

        await app.ask(system, "REMOVED", cancel_transition=True)
        states = await app.reached("REMOVED", within=10.0)
        await asyncio.sleep(patient(0.5))

        assert states == ["DOWNLOADING", "REMOVED"]
        assert app.states == states
        assert device.exits == []


async def test_a_backend_that_takes_no_report_does_not_lose_the_app(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 612, "unheard")
    app.push()
    await online(cloud, device)
    cloud.backend.fail(UPDATE_APP, times=1)

    await app.ask(system, "RUNNING")
    await app.reached("RUNNING", within=20.0)

    with engine.client() as client:
        assert client.containers.get(app.container).status == "running"


async def test_many_apps_at_once(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    apps = [AppOf(cloud, device, 620 + n, f"many{n}") for n in range(5)]
    for app in apps:
        app.push()
    await online(cloud, device)

    await asyncio.gather(*(app.bring(system, "RUNNING") for app in apps))
    await asyncio.gather(*(app.bring(system, "REMOVED") for app in apps))

    assert {tuple(app.states) for app in apps} == {
        ("STARTING", "DOWNLOADING", "PRESENT", "RUNNING", "DELETING", "REMOVED")
    }
    with engine.client() as client:
        assert client.containers.list(all=True) == []
