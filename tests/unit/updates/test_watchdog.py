"""updates.watchdog: a loop that stands still ends the process."""

from __future__ import annotations

import asyncio
import threading
import time

from reagent.updates.watchdog import Watchdog


async def test_a_loop_that_stands_still_is_ended() -> None:
    ended = threading.Event()
    watchdog = Watchdog(turn=0.02, most=3, end=ended.set)
    task = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0.05)

    time.sleep(0.3)  # noqa: ASYNC251 - this is the fault

    assert ended.is_set()
    task.cancel()


async def test_a_loop_that_turns_is_left_alone() -> None:
    ended = threading.Event()
    task = asyncio.create_task(Watchdog(turn=0.02, most=10, end=ended.set).run())

    await asyncio.sleep(0.3)

    assert not ended.is_set()
    task.cancel()


def watchdogs() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "watchdog"}


async def test_the_thread_ends_with_the_task() -> None:
    others = watchdogs()
    task = asyncio.create_task(Watchdog(turn=0.01).run())
    await asyncio.sleep(0.03)
    (mine,) = watchdogs() - others

    task.cancel()
    for _ in range(100):
        if not mine.is_alive():
            break
        await asyncio.sleep(0.01)

    assert not mine.is_alive()
