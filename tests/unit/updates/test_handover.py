"""updates.handover: the moment at which the agent gives way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from reagent.updates.handover import AUTOMATIC_WITHIN_S, ORDERED_WITHIN_S, HandOver
from reagent.updates.window import ALWAYS, Window
from tests.fakes.clock import FakeClock

NIGHT = Window.parse("02:00-05:00")


class Day(FakeClock):
    """It says one time of the day until it is told another."""

    local = "12:00"

    def rfc3339(self) -> str:
        return f"2031-05-06T{self.local}:00+02:00"


class Agent:
    """What gives way."""

    def __init__(self, window: Window) -> None:
        self.clock = Day()
        self.left = 0
        self.idle = True
        self.hand_over = HandOver(
            self.clock, idle=lambda: self.idle, well=lambda: True, leave=self._leave, window=window
        )
        self.task = asyncio.create_task(self.hand_over.run())

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    def _leave(self) -> None:
        self.left += 1


@pytest.fixture
async def agent() -> AsyncIterator[Callable[..., Agent]]:
    made: list[Agent] = []

    def make(window: Window = ALWAYS) -> Agent:
        made.append(Agent(window))
        return made[-1]

    yield make
    for each in made:
        each.task.cancel()


async def test_without_a_window_an_idle_moment_is_enough(agent: Callable[..., Agent]) -> None:
    always = agent()
    always.hand_over.request()

    await always.pass_time(3)

    assert always.left == 1


async def test_an_automatic_one_waits_for_its_window(agent: Callable[..., Agent]) -> None:
    nightly = agent(NIGHT)
    nightly.hand_over.request(AUTOMATIC_WITHIN_S)
    await nightly.pass_time(3600)
    at_noon = nightly.left

    nightly.clock.local = "02:30"
    await nightly.pass_time(30)

    assert (at_noon, nightly.left) == (0, 1)


async def test_past_its_day_the_next_window_is_taken_busy_or_not(
    agent: Callable[..., Agent],
) -> None:
    nightly = agent(NIGHT)
    nightly.idle = False
    nightly.hand_over.request(AUTOMATIC_WITHIN_S)
    await nightly.pass_time(AUTOMATIC_WITHIN_S + 60)
    at_noon = nightly.left

    nightly.clock.local = "02:30"
    await nightly.pass_time(30)

    assert (at_noon, nightly.left) == (0, 1)


async def test_an_order_waits_for_no_window(agent: Callable[..., Agent]) -> None:
    nightly = agent(NIGHT)
    nightly.hand_over.request(AUTOMATIC_WITHIN_S)
    nightly.hand_over.request(ORDERED_WITHIN_S)

    await nightly.pass_time(5)

    assert nightly.left == 1


async def test_an_order_that_has_time_waits_for_no_window_but_for_an_idle_moment(
    agent: Callable[..., Agent],
) -> None:
    nightly = agent(NIGHT)
    nightly.idle = False
    nightly.hand_over.request(AUTOMATIC_WITHIN_S, ordered=True)
    await nightly.pass_time(3600)
    busy = nightly.left

    nightly.idle = True
    await nightly.pass_time(11)

    assert (busy, nightly.left) == (0, 1)


async def test_an_order_that_nothing_idle_came_for_is_carried_out_after_a_day_at_noon(
    agent: Callable[..., Agent],
) -> None:
    nightly = agent(NIGHT)
    nightly.idle = False
    nightly.hand_over.request(AUTOMATIC_WITHIN_S, ordered=True)

    await nightly.pass_time(AUTOMATIC_WITHIN_S + 60)

    assert nightly.left == 1


# --- what a person waits for


@pytest.mark.parametrize("within", [ORDERED_WITHIN_S, AUTOMATIC_WITHIN_S])
async def test_what_a_person_waits_for_is_not_cut_and_its_answer_gets_out(
    agent: Callable[..., Agent], within: float
) -> None:
    always = agent()
    let_go = always.hand_over.hold()
    always.hand_over.request(within)
    await always.pass_time(7200)
    meanwhile = always.left

    let_go()
    await asyncio.sleep(0)
    at_once = always.left
    await always.pass_time(12)

    assert (meanwhile, at_once, always.left) == (0, 0, 1)


async def test_two_who_wait_are_both_waited_for(agent: Callable[..., Agent]) -> None:
    always = agent()
    first, second = always.hand_over.hold(), always.hand_over.hold()
    always.hand_over.request(ORDERED_WITHIN_S)
    first()
    first()
    await always.pass_time(600)
    meanwhile = always.left

    second()
    await always.pass_time(12)

    assert (meanwhile, always.left) == (0, 1)


@pytest.mark.parametrize("within", [ORDERED_WITHIN_S, AUTOMATIC_WITHIN_S])
async def test_what_never_ends_is_waited_for_a_day_at_most(
    agent: Callable[..., Agent], within: float
) -> None:
    always = agent()
    always.hand_over.hold()
    always.hand_over.request(within)
    await always.pass_time(AUTOMATIC_WITHIN_S - 60)
    before = always.left

    await always.pass_time(120)

    assert (before, always.left) == (0, 1)
