"""The field's manager script beside a device that updates itself: it finds nothing to do
(docs/contract/system.md 5.1)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.manager import Generation, LinkWatch, Manager
from sandbox.program import Program
from sandbox.variants import Broken
from tests.frozen.updating import Press, Unit, started

ROUNDS = 10
CYCLE_S = 1.0

pytestmark = pytest.mark.timeout(300)


def managed(unit: Unit, generation: Generation) -> Manager:
    """The script, with the unit's service at hand."""

    async def start() -> bool:
        if unit.device.running:
            return False
        await unit.device.start()
        return True

    async def restart() -> None:
        await unit.device.stop()
        await unit.device.start()

    return Manager(unit.folder, generation, start=start, restart=restart)


@contextlib.asynccontextmanager
async def running(manager: Manager) -> AsyncIterator[None]:
    task = asyncio.create_task(manager.run(CYCLE_S))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_through_twenty_updates_and_rollbacks_the_script_finds_nothing_to_do(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    """Every second version is one that exits at once: it is tried three times, and blocked."""
    press = Press.of(cloud, program)
    units = [Unit(cloud, program, soak=0.5) for _ in Generation]
    managers = [managed(unit, each) for unit, each in zip(units, Generation, strict=True)]
    press.release(program.version)
    await started(*units)
    for unit in units:
        await unit.until("links are settled", active=program.version)

    async with contextlib.AsyncExitStack() as stack:
        watches = [stack.enter_context(LinkWatch(unit.folder)) for unit in units]
        for manager in managers:
            await stack.enter_async_context(running(manager))
        for number in range(1, ROUNDS + 1):
            good, bad = f"1.1.{2 * number}", f"1.1.{2 * number + 1}"
            for version, broken in ((good, None), (bad, Broken.EXITS)):
                press.release(version, broken)
                await asyncio.gather(
                    *(user.ask(unit.device.identity, "update_agent") for unit in units)
                )
                refused = () if broken is None else (version,)
                await asyncio.gather(*(unit.on(good, blocked=refused) for unit in units))

    for unit, manager, watch in zip(units, managers, watches, strict=True):
        moved = [deed for deed in manager.deeds if deed.what != "Reagent-latest"]
        assert moved == []
        assert watch.dangling == []
        assert watch.unsettled == []
        assert manager.cycles > ROUNDS
        assert watch.looks > 100 * ROUNDS
        assert unit.device.exits == []
        assert unit.device.starts == 1
        assert unit.named("latest") == unit.active
