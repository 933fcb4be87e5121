"""Procedures that act on the machine: power, pruning, the system's release, commands.

`reboot`, `poweroff` and `systemctl` are stand-ins that every device of the sandbox finds first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.program import Program
from tests.frozen.platform import scripted
from tests.frozen.steps import until
from tests.frozen.test_privileges import Online
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
