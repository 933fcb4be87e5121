"""A committed version that does not hold: five bad ends in its first day take it back."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.updating import Press, Unit, started

NEW = "1.1.0"
MOST_CRASHES = 5

pytestmark = pytest.mark.timeout(150)


async def crashed(unit: Unit, times: int) -> None:
    """End it badly, so often, each time once it is CONNECTED; then wait until it is again."""
    for _ in range(times):
        seen, starts = len(unit.statuses), unit.device.starts
        await unit.device.kill()
        await unit.device.started(starts + 1)
        await unit.connected(since=seen)


async def updated(cloud: Cloud, program: Program) -> tuple[Press, Unit]:
    """A device that has just committed a new version."""
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    press.release(NEW)
    await started(unit)
    await unit.on(NEW)
    return press, unit


async def test_five_crashes_in_the_first_day_take_a_version_back(
    cloud: Cloud, program: Program
) -> None:
    press, unit = await updated(cloud, program)

    await crashed(unit, MOST_CRASHES - 1)
    before = unit.active, unit.blocked
    await crashed(unit, 1)
    await unit.on(program.version, blocked=[NEW])

    assert before == (NEW, [])
    assert unit.named("previous") == unit.named("latest") == program.version
    cloud.bucket.forget()
    await unit.device.stop()
    await started(unit)
    await unit.device.logged(lambda entry: "is blocked" in str(entry.get("error")))
    assert cloud.bucket.asked(f"*/{NEW}/reagent") == ()
    press.release("1.1.1")
    await unit.device.stop()
    await started(unit)
    await unit.on("1.1.1")
    assert unit.named("previous") == program.version


async def test_orderly_stops_and_updates_are_no_crashes(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    _, unit = await updated(cloud, program)

    for _ in range(MOST_CRASHES + 2):
        await unit.device.stop()
        await started(unit)
    await crashed(unit, MOST_CRASHES - 1)
    await unit.device.stop()
    await started(unit)
    answer = await user.ask(unit.device.identity, "device_handshake")

    assert answer.kwargs["id"] == unit.device.identity.serial_number
    assert unit.active == NEW
    assert (unit.blocked, unit.trial) == ([], {})


async def test_refusals_by_the_platform_are_no_crashes(cloud: Cloud, program: Program) -> None:
    _, unit = await updated(cloud, program)
    who = unit.device.identity
    await unit.device.stop()
    cloud.router.admit(who.authid, "another secret")

    for _ in range(MOST_CRASHES + 1):
        await unit.device.start()
        assert await unit.device.exited() == 1
    cloud.router.admit(who.authid, who.secret)
    await started(unit)

    assert unit.active == NEW
    assert (unit.blocked, unit.trial) == ([], {})


async def test_without_a_version_before_it_stays(cloud: Cloud, program: Program) -> None:
    _, unit = await updated(cloud, program)
    (unit.folder / f"reagent-v{program.version}").unlink()

    await crashed(unit, MOST_CRASHES + 1)
    await asyncio.sleep(patient(1.0))

    assert unit.active == unit.named("previous") == NEW
    assert unit.blocked == []
