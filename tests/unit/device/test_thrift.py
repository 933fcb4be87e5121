"""Memory goes back when there is something to give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reagent.device.thrift import GROWTH, LONGEST_S, LOOK_S, Thrift
from tests.fakes.clock import FakeClock
from tests.fakes.memory import FakeMemory

NEEDED = 20 * 1024 * 1024


@asynccontextmanager
async def watching(memory: FakeMemory, clock: FakeClock) -> AsyncIterator[None]:
    task = asyncio.create_task(Thrift(memory, clock).watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_memory_is_given_back_once_the_start_is_over() -> None:
    memory, clock = FakeMemory(NEEDED), FakeClock()
    memory.grow(GROWTH)

    async with watching(memory, clock):
        await clock.advance(LOOK_S - 1)
        early = memory.given_back
        await clock.advance(1)

    assert (early, memory.given_back) == (0, 1)


async def test_a_quiet_process_is_left_alone() -> None:
    memory, clock = FakeMemory(NEEDED), FakeClock()

    async with watching(memory, clock):
        await clock.advance(LOOK_S * 2)
        memory.grow(GROWTH - 1)
        await clock.advance(LOOK_S * 100)

    assert memory.given_back == 1


async def test_what_a_burst_took_is_given_back() -> None:
    memory, clock = FakeMemory(NEEDED), FakeClock()

    async with watching(memory, clock):
        await clock.advance(LOOK_S * 5)
        memory.grow(GROWTH)
        await clock.advance(LOOK_S)

    assert memory.given_back == 2


async def test_what_is_needed_all_the_time_is_given_back_once_a_minute_at_most() -> None:
    memory, clock = FakeMemory(NEEDED), FakeClock()
    memory.needed_again = GROWTH

    async with watching(memory, clock):
        await clock.advance(LOOK_S * (1 + 2 + 4))
        at_first = memory.given_back
        await clock.advance(LONGEST_S * 10)

    assert (at_first, memory.given_back) == (3, 13)


async def test_after_a_quiet_while_the_next_burst_is_seen_soon() -> None:
    memory, clock = FakeMemory(NEEDED), FakeClock()
    memory.needed_again = GROWTH

    async with watching(memory, clock):
        await clock.advance(LONGEST_S * 10)
        memory.needed_again = 0
        await clock.advance(LONGEST_S * 3)
        before = memory.given_back
        memory.grow(GROWTH)
        await clock.advance(LOOK_S)

    assert memory.given_back == before + 1
