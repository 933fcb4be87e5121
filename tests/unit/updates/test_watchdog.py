"""updates.watchdog: a loop that stands still ends the process, and one that turns is heard of."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from reagent.adapters.clock import SystemClock
from reagent.updates.watchdog import TURN_S, Watchdog
from tests.fakes.clock import FakeClock, settle

# For threads, which a busy machine may keep waiting.
WITHIN_S = 30.0


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_loop_that_stands_still_is_ended() -> None:
    over = threading.Event()
    task = asyncio.create_task(Watchdog(SystemClock(), turn=0.02, most=3, end=over.set).run())
    await settle()

    stood_still = over.wait(WITHIN_S)  # this is the fault
    await ended(task)

    assert stood_still


async def test_a_loop_that_turns_is_left_alone() -> None:
    clock = FakeClock()
    watchdog = Watchdog(clock, most=2)
    task = asyncio.create_task(watchdog.run())
    await settle()

    turning = []
    for _ in range(5):
        turning.append(watchdog.starves())
        await clock.advance(TURN_S)
    await ended(task)
    standing = [watchdog.starves() for _ in range(4)]

    assert turning == [False] * 5
    assert standing == [False, False, True, True]


def watchdogs() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "watchdog"}


async def test_the_thread_ends_with_the_task() -> None:
    others = watchdogs()
    task = asyncio.create_task(Watchdog(FakeClock()).run())
    await settle()
    (mine,) = watchdogs() - others

    await ended(task)
    mine.join(WITHIN_S)

    assert not mine.is_alive()


@pytest.mark.parametrize(
    ("within", "pace"),
    [(0.0, 10.0), (300.0, 10.0), (20.0, 10.0), (15.0, 7.5), (3.0, 1.5), (1e-6, 0.05)],
)
async def test_who_watches_from_outside_hears_of_it_twice_as_often_as_it_wants_to(
    within: float, pace: float
) -> None:
    clock = FakeClock()
    heard: list[float] = []
    watchdog = Watchdog(clock, within=within, alive=lambda: heard.append(clock.monotonic()))
    task = asyncio.create_task(watchdog.run())

    await clock.advance(pace * 3)
    await ended(task)

    assert heard == pytest.approx([0.0, pace, pace * 2, pace * 3])
