from __future__ import annotations

import asyncio

import pytest

from reagent.aio.supervise import Tasks, end, supervise
from tests.fakes.clock import FakeClock, settle


async def test_work_that_fails_starts_again_after_a_pause() -> None:
    clock = FakeClock()
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        raise ValueError("broken")

    supervised = asyncio.create_task(supervise("work", work, clock))
    await settle()
    assert runs == 1

    await clock.advance(10)

    assert runs > 3
    supervised.cancel()
    with pytest.raises(asyncio.CancelledError):
        await supervised


async def test_pauses_grow() -> None:
    clock = FakeClock()

    async def work() -> None:
        return

    supervised = asyncio.create_task(supervise("work", work, clock))
    await clock.advance(20)

    assert clock.slept[:4] == [0.5, 1.0, 2.0, 4.0]
    supervised.cancel()
    await settle()


async def test_a_task_that_ignores_its_end_is_not_waited_for() -> None:
    stubborn = asyncio.Event()

    async def work() -> None:
        while not stubborn.is_set():
            try:
                await stubborn.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(work())
    await settle()

    assert not await end((task,), 0.01)
    stubborn.set()
    await task


async def test_owned_tasks_end_with_their_owner() -> None:
    tasks = Tasks()

    async def work() -> None:
        await asyncio.Event().wait()

    started = tasks.start(work(), "work")
    await settle()

    assert await tasks.end(1)
    assert started.cancelled()
    assert len(tasks) == 0


async def test_a_failing_task_harms_nobody() -> None:
    tasks = Tasks()

    async def broken() -> None:
        raise ValueError("broken")

    tasks.start(broken(), "broken")
    await settle()

    assert len(tasks) == 0
