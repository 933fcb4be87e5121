"""What the platform wants at a connect, and what nobody wants (docs/contract/apps.md 6.8-6.11)."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.answers import METADATA, UPDATE_APP, WANTED_APPS
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.under_test import patient
from tests.frozen.steps import AppOf, all_registered, connected, online, until

pytestmark = pytest.mark.timeout(60)

Engine = OwnEngine | GivenEngine

# Names that nobody asked for, and whether they are ours to remove.
STRAYS = {
    "prod_99_ghost": True,
    "dev_98_ghost": True,
    "prod_97_two_words": True,
    "some-random-thing": False,
    "prod_ghost": False,
    "prod_x_ghost": False,
    "myprod_99_ghost": False,
    "backup_5_nightly": False,
    "pub_99_ghost": False,
    "prod-99-ghost": False,
    "prod_96_app_compose-web-1": False,
}


def containers(engine: Engine) -> set[str]:
    with engine.client() as client:
        return {str(each.name) for each in client.containers.list(all=True)}


async def reconnect(cloud: Cloud, device: Device) -> None:
    """Let the router end the session, and wait for the next CONNECTED."""
    statuses = len(cloud.backend.statuses(device.identity))
    await cloud.backend.cut(device.identity.authid)
    await connected(cloud, device, since=statuses)


async def test_what_is_wanted_at_the_first_connect_is_there_afterwards(
    cloud: Cloud, device: Device, engine: Engine
) -> None:
    wanted = {
        "RUNNING": AppOf(cloud, device, 801, "runs"),
        "PRESENT": AppOf(cloud, device, 802, "waits"),
    }
    for target, app in wanted.items():
        app.push()
        app.want(target)
    gone = AppOf(cloud, device, 803, "gone")
    gone.want("REMOVED")
    draft = AppOf(cloud, device, 804, "draft")
    cloud.backend.database.want_app(
        device.identity.device_key, {**draft.row("RUNNING"), "stage": "DEV"}
    )

    await online(cloud, device)
    await wanted["RUNNING"].reached("RUNNING")
    await wanted["PRESENT"].reached("PRESENT")

    assert containers(engine) == {"prod_801_runs"}
    assert cloud.backend.states(device.identity, 804, "DEV") == []


async def test_an_empty_list_removes_every_app(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 810, "unloved")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    seen = len(app.states)

    await reconnect(cloud, device)

    assert containers(engine) == set()
    assert app.states[seen:] == []
    statuses = len(cloud.backend.statuses(device.identity))
    await device.stop()
    await device.start()
    await connected(cloud, device, since=statuses)
    assert app.states[seen:] == []


async def test_what_is_asked_for_while_the_list_is_on_its_way_stays(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 817, "quick")
    app.push()
    cloud.backend.slow(WANTED_APPS, 2.0, times=1)
    await device.start()
    await all_registered(system, device)

    await app.ask(system, "RUNNING")
    await connected(cloud, device)
    await app.reached("RUNNING")
    await asyncio.sleep(patient(0.5))

    assert containers(engine) == {app.container}
    await reconnect(cloud, device)
    await until(lambda: containers(engine) == set(), 10.0, "the next list counts")


async def test_no_list_removes_nothing(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 811, "safe")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")

    answers: tuple[tuple[object, ...], ...] = ((), (None,), ({},), ("",), (0,), (False,))
    for answer in answers:
        cloud.backend.heal(WANTED_APPS)
        cloud.backend.answer(WANTED_APPS, *answer)
        seen = len(app.states)
        await device.kill()
        await online(cloud, device)

        assert containers(engine) == {app.container}, answer
        # Known, reported and driven all the same.
        await app.reached("RUNNING", since=seen)
    cloud.backend.heal(WANTED_APPS)
    cloud.backend.fail(WANTED_APPS, times=-1)
    await device.kill()
    await online(cloud, device)
    assert containers(engine) == {app.container}


async def test_rows_of_odd_types_are_read_as_far_as_they_go(
    cloud: Cloud, device: Device, engine: Engine
) -> None:
    app = AppOf(cloud, device, 812, "lenient")
    app.push()
    row = {
        **app.row("RUNNING"),
        "release_key": "not a number",
        "request_update": "no",
        "environment": [],
        "unknown": {"x": 1},
        "device_key": device.identity.device_key,
        "inherit_from_group": None,
        "ports": None,
        "docker_compose": None,
    }
    row["Present_Version"] = row.pop("present_version")
    cloud.backend.answer(WANTED_APPS, [row, "no row", None, {"app_key": "x"}])

    await online(cloud, device)
    await app.reached("RUNNING")

    assert containers(engine) == {app.container}


async def test_strays_of_ours_are_swept_and_look_alikes_stay(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 813, "kept")
    image = app.push()
    app.want("RUNNING")
    await online(cloud, device)
    await app.reached("RUNNING")
    with engine.client() as client:
        for name in STRAYS:
            client.containers.create(image, name=name)

    await reconnect(cloud, device)

    kept = {name for name, ours in STRAYS.items() if not ours}
    await until(lambda: containers(engine) == kept | {app.container}, 10.0, "strays are gone")


async def test_a_container_that_vanished_while_it_was_away_is_made_again(
    cloud: Cloud, device: Device, engine: Engine
) -> None:
    app = AppOf(cloud, device, 814, "again")
    app.push()
    app.want("RUNNING")
    await online(cloud, device)
    await app.reached("RUNNING")
    seen = len(app.states)
    with engine.client() as client:
        client.containers.get(app.container).remove(force=True)

    await reconnect(cloud, device)
    states = await app.reached("RUNNING", since=seen)

    assert states[-2:] == ["STARTING", "RUNNING"]
    assert containers(engine) == {app.container}


async def test_every_known_app_is_reported_at_a_reconnect(
    cloud: Cloud, device: Device, engine: Engine
) -> None:
    apps = [AppOf(cloud, device, 820 + n, f"app{n}") for n in range(3)]
    for app, target in zip(apps, ("RUNNING", "PRESENT", "RUNNING"), strict=True):
        app.push()
        app.want(target)
    await online(cloud, device)
    for app, target in zip(apps, ("RUNNING", "PRESENT", "RUNNING"), strict=True):
        await app.reached(target)
    since = len(cloud.backend.calls)

    await reconnect(cloud, device)

    reports = cloud.backend.seen(UPDATE_APP, since=since)
    assert {r.first["app_key"]: r.first["state"] for r in reports} == {
        820: "RUNNING",
        821: "PRESENT",
        822: "RUNNING",
    }
    connected_at = cloud.backend.database.statuses(device.identity.device_key)[-1].at
    first: dict[object, float] = {}
    for report in reports:
        first.setdefault(report.first["app_key"], report.at)
    assert all(at <= connected_at for at in first.values())


async def test_a_target_that_changed_while_it_was_away_is_followed(
    cloud: Cloud, device: Device, engine: Engine
) -> None:
    app = AppOf(cloud, device, 830, "recalled")
    app.push()
    app.want("RUNNING")
    await online(cloud, device)
    await app.reached("RUNNING")
    await device.stop()
    app.want("PRESENT")
    seen = len(app.states)

    await online(cloud, device)
    states = await app.reached("PRESENT", since=seen)

    assert states[-3:] == ["STOPPING", "STOPPING", "PRESENT"]
    assert containers(engine) == set()


async def test_a_renamed_device_tells_its_next_containers(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 831, "named")
    app.push()
    app.want("RUNNING")
    who = device.identity
    cloud.backend.answer(
        METADATA,
        {
            "device_name": "press-99",
            "swarm_name": who.swarm_name,
            "ownername": who.ownername,
            "swarm_key": who.swarm_key,
        },
    )
    await online(cloud, device)
    await app.reached("RUNNING")

    with engine.client() as client:
        env = client.containers.get(app.container).attrs["Config"]["Env"]

    assert "DEVICE_NAME=press-99" in env
    assert (
        "DEVICE_URL=https://studio.example.org/acme/swarms/hall-b/settings/devices/press-99" in env
    )
    await asyncio.sleep(0)
