"""Procedures that act on the machine: power, pruning, the system's release, commands.

`reboot`, `poweroff` and `systemctl` are stand-ins that every device of the sandbox finds first.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from tests.frozen.platform import scripted
from tests.frozen.steps import AppOf, online, until
from tests.frozen.test_privileges import Online, error_of
from tests.frozen.test_procedures import result_of

pytestmark = pytest.mark.timeout(60)

ORDERS = {
    "system_reboot": "reboot",
    "system_shutdown": "poweroff",
    "system_restart_agent": "systemctl restart reagent",
}


@pytest.fixture
async def bare(cloud: Cloud, program: Program) -> AsyncIterator[Online]:
    """Connected, without an engine."""
    async with scripted(cloud, program, engine="unix:///nowhere/docker.sock") as (router, device):
        await device.start()
        await router.until(lambda: len(router.registrations) == 35, 15.0)
        yield Online(router, device)


# --- power


async def test_orders_for_the_machine_are_answered_at_once_and_carried_out_two_seconds_later(
    bare: Online,
) -> None:
    began = time.monotonic()
    answers = await asyncio.gather(*(bare.call(name, "501", "ignored") for name in ORDERS))
    answered = time.monotonic() - began
    at_once = list(bare.device.standins.called)

    await until(lambda: len(bare.device.standins.called) == 3, within=6.0)

    assert [result_of(answer) for answer in answers] == [[], [], []]
    assert answered < 1.0
    assert at_once == []
    assert time.monotonic() - began > 1.9
    assert sorted(bare.device.standins.called) == sorted(ORDERS.values())


async def test_an_order_that_fails_is_in_the_log_and_nowhere_else(bare: Online) -> None:
    bare.device.standins.put("systemctl", status=5, says="Unit reagent.service not found.")

    answer = await bare.call("system_restart_agent", "501")

    entry = await bare.device.logged("an order failed")
    assert result_of(answer) == []
    assert "Unit reagent.service not found." in str(entry)
    assert bare.device.running


# --- the system's release


async def test_a_system_that_is_none_of_the_platforms_has_no_release_to_tell(bare: Online) -> None:
    if Path("/etc/os-release-latest.json").exists():
        pytest.skip("this machine runs a system of the platform")

    assert result_of(await bare.call("get_os_release", "501")) == []


# --- room


async def test_pruning_needs_an_object_and_a_boolean_in_it(bare: Online) -> None:
    wrong: list[tuple[object, ...]] = [
        (),
        (None,),
        ("not-a-dict",),
        ([],),
        ({"all": "yes"},),
        ({"all": 1},),
    ]
    for args in wrong:
        text = error_of(await bare.call("prune_images", "501", *args))

        assert "failed to parse" in text, args
    for argument in ({}, {"all": True}):
        assert "engine" in error_of(await bare.call("prune_images", "501", argument)), argument


async def test_pruning_all_reports_what_went_and_leaves_what_runs(
    cloud: Cloud, device: Device, engine: OwnEngine | GivenEngine, system: Caller
) -> None:
    if not engine.is_ours:
        pytest.skip("the engine was given; what lies there is not ours to throw away")
    app = AppOf(cloud, device, 961, "kept")
    app.push()
    await online(cloud, device)
    app.want("RUNNING")
    await app.bring(system, "RUNNING")
    with engine.client() as client:
        network = client.networks.create("left-behind")

        quiet = await system.ask(device.identity, "prune_images", {"all": False})
        told = await system.ask(device.identity, "prune_images", {"all": True})

        left = [each.name for each in client.networks.list()]
        status = client.containers.get(app.container).status
        images = [tag for image in client.images.list() for tag in image.tags]
    text = str(told.value)
    assert not quiet.args
    assert f"Deleted Networks:\n{network.name}\n\n" in text
    assert re.search(r"^Total reclaimed space: [\d.]+(|k|M|G)B\n\Z", text, re.MULTILINE)
    assert network.name not in left
    assert status == "running"
    assert any("961" in tag for tag in images)
