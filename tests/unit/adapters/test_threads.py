"""Blocking calls run beside each other, a few at a time, and hold nobody up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from reagent.adapters.threads import Threads


def waits_for(event: threading.Event) -> Callable[[], str]:
    def call() -> str:
        return "done" if event.wait(5) else "late"

    return call


def fails() -> None:
    raise LookupError("gone")


async def test_results_and_exceptions_come_back() -> None:
    threads = Threads("test")

    assert await threads.run(lambda: 42) == 42
    with pytest.raises(LookupError, match="gone"):
        await threads.run(fails)


async def test_calls_beyond_the_limit_wait_for_their_turn() -> None:
    threads = Threads("test", limit=2)
    gate = threading.Event()

    held = [asyncio.create_task(threads.run(waits_for(gate))) for _ in range(2)]
    queued = asyncio.create_task(threads.run(lambda: "short"))
    done, _ = await asyncio.wait({queued}, timeout=0.05)
    gate.set()

    assert not done
    assert await asyncio.gather(*held, queued) == ["done", "done", "short"]


async def test_calls_that_follow_each_other_share_threads() -> None:
    threads = Threads("test", limit=50)

    served = {await threads.run(threading.get_ident) for _ in range(50)}

    # The answer may be here before its thread is free again: two, seldom more.
    assert len(served) <= 4


async def test_a_cancelled_call_lets_go_at_once() -> None:
    threads = Threads("test")
    gate = threading.Event()
    task = asyncio.create_task(threads.run(waits_for(gate)))
    await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()

    assert await threads.run(lambda: "next") == "next"


async def test_a_call_given_up_while_it_waited_never_happens() -> None:
    threads = Threads("test", limit=1)
    gate = threading.Event()
    happened: list[str] = []
    held = asyncio.create_task(threads.run(waits_for(gate)))
    queued = asyncio.create_task(threads.run(lambda: happened.append("late")))
    await asyncio.sleep(0)

    queued.cancel()
    await asyncio.gather(queued, return_exceptions=True)
    gate.set()
    await held
    await threads.run(lambda: happened.append("next"))

    assert happened == ["next"]


async def test_no_thread_holds_up_the_end_of_the_process_or_stays_without_work() -> None:
    threads = Threads("test", idle_s=0.01)

    worker = await threads.run(threading.current_thread)
    await asyncio.to_thread(worker.join, 5)

    assert worker.daemon
    assert not worker.is_alive()
    assert await threads.run(lambda: "again") == "again"
