from __future__ import annotations

import asyncio

from reagent.connection.heartbeat import Heartbeat
from reagent.errors import CallFailed
from tests.fakes.clock import FakeClock, settle


async def test_a_beat_in_a_known_gap_is_not_sent_and_forgives() -> None:
    clock = FakeClock()
    up = True
    sent = 0

    async def beat() -> None:
        nonlocal sent
        sent += 1
        raise CallFailed("no")

    watching = asyncio.create_task(Heartbeat(clock, beat, lambda: up).watch())
    await clock.advance(30)
    up = False
    await clock.advance(30)
    up = True
    await clock.advance(30)

    assert sent == 2
    assert not watching.done()
    await clock.advance(30)
    assert watching.done()


async def test_a_fault_of_ours_says_nothing_about_the_link() -> None:
    clock = FakeClock()

    async def beat() -> None:
        raise ZeroDivisionError

    watching = asyncio.create_task(Heartbeat(clock, beat, lambda: True).watch())
    await clock.advance(300)

    assert not watching.done()
    watching.cancel()
    await settle()
