"""kill -9 of everything at random moments of an update: the next start is as good as any."""

from __future__ import annotations

import asyncio
import random
import shutil
import time

import pytest

from sandbox.cloud import Cloud
from sandbox.program import Program
from tests.frozen.updating import Press, Unit, started

MOMENTS = 20
# So many devices at a time: an update waits more than it works.
LANES = 4
NEW = "1.1.0"

pytestmark = pytest.mark.timeout(300)


async def test_after_a_kill_at_any_moment_of_an_update_the_next_start_reaches_connected(
    cloud: Cloud, program: Program, dice: random.Random
) -> None:
    """And in the end every device runs the new version, which was never blocked."""
    press = Press.of(cloud, program)
    press.release(NEW)
    # How long it takes here and now, with as many at a time as there will be.
    begun = time.monotonic()
    await asyncio.gather(*(whole(Unit(cloud, program)) for _ in range(LANES)))
    took = time.monotonic() - begun
    parts = [dice.random() for _ in range(MOMENTS)]
    moments = [round(part * took, 3) for part in parts]
    print(f"an update takes {took:.1f} s; killed after {moments} s")

    async def lane() -> None:
        while moments:
            await killed_at(moments.pop(), Unit(cloud, program), old=program.version)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(LANES):
            lanes.create_task(lane())


async def whole(unit: Unit) -> None:
    await started(unit)
    await unit.on(NEW)
    await unit.device.stop()
    shutil.rmtree(unit.folder)


async def killed_at(moment: float, unit: Unit, old: str) -> None:
    """One device, killed once, and watched until it is through."""
    await unit.device.start()
    await asyncio.sleep(moment)
    where = f"killed after {moment} s in the trial {unit.trial}"
    await unit.device.kill_tree()
    left = unit.device.leftovers()
    found = unit.active

    await started(unit)
    print(f"{where}: {found}")
    assert left == [], where
    assert found in (old, NEW), where
    assert "" not in (unit.named("previous"), unit.named("latest")), where
    await unit.on(NEW, within=60.0)
    assert unit.blocked == [], where
    assert list((unit.folder / "downloads").iterdir()) == [], where
    await unit.device.stop()
    shutil.rmtree(unit.folder)
