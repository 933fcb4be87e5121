from __future__ import annotations

import asyncio

from reagent.logs.batch import WINDOW, Batcher
from tests.fakes.clock import FakeClock, settle


class Outlet:
    """Where messages go; can be held up."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def publish(self, text: str) -> None:
        await self.open.wait()
        self.messages.append(text)


async def test_lines_go_out_at_the_end_of_their_window_unaided() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)

    batcher.add(["one"])
    await clock.advance(WINDOW / 2)
    batcher.add(["two"])
    before = list(outlet.messages)
    await clock.advance(WINDOW / 2)

    assert before == []
    assert outlet.messages == ["one\ntwo"]


async def test_closing_sends_what_waits_once() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)
    batcher.add(["one"])
    batcher.add(["two"])

    await batcher.close()
    await batcher.close()
    await clock.advance(10)

    assert outlet.messages == ["one\ntwo"]


async def test_nothing_wakes_up_while_nothing_waits() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)
    tasks = len(asyncio.all_tasks())

    batcher.add(["one"])
    await clock.advance(60)

    assert clock.slept == [WINDOW]
    assert len(asyncio.all_tasks()) == tasks


async def test_a_flush_keeps_the_order_of_what_is_being_sent() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)
    outlet.open.clear()
    batcher.add(["one"])
    await clock.advance(WINDOW)
    batcher.add(["two"])

    flushing = asyncio.ensure_future(batcher.flush())
    await settle()
    outlet.open.set()
    await flushing

    assert outlet.messages == ["one", "two"]


async def test_lines_that_come_while_a_message_is_being_sent_wait_for_their_own_window() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)
    outlet.open.clear()
    batcher.add(["one"])
    await clock.advance(WINDOW)
    batcher.add(["two"])

    outlet.open.set()
    await settle()
    before = list(outlet.messages)
    await clock.advance(WINDOW)

    assert before == ["one"]
    assert outlet.messages == ["one", "two"]


async def test_what_a_flush_has_over_its_limit_is_sent_as_well() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)
    lines = ["x" * 1023] * 270

    batcher.add(lines)
    await batcher.flush()

    assert "\n".join(outlet.messages).split("\n") == lines


async def test_an_outlet_that_is_held_up_does_not_hold_up_who_adds() -> None:
    clock, outlet = FakeClock(), Outlet()
    batcher = Batcher(outlet.publish, clock)
    outlet.open.clear()

    for _ in range(20):
        batcher.add(["x" * 1023] * 200)
        await clock.advance(WINDOW)
    outlet.open.set()
    await settle()
    await batcher.close()

    lines = "\n".join(outlet.messages).split("\n")
    lost = sum(int(line.split()[1]) for line in lines if line.endswith("dropped (rate limit)"))
    assert lines.count("x" * 1023) + lost == 20 * 200
    assert len(outlet.messages) < 10  # what was lost is said once, not for every window
