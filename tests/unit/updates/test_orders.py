"""updates.orders: what a person orders of an agent that runs, and the hand-over that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from reagent.contracts.control import Plain
from reagent.errors import BadRelease
from reagent.updates.fetch import Progress, Staged
from reagent.updates.handover import HandOver
from reagent.updates.orders import Orders, Running
from reagent.updates.semver import Version
from reagent.updates.window import Window
from tests.fakes.clock import FakeClock
from tests.unit.updates import life, stories

APPLY = {"path": f"/media/stick/{stories.NEW}"}


class SlowStick(stories.Stick):
    """A file that comes when it is let."""

    def __init__(self, device: life.Device) -> None:
        super().__init__(device, stories.offline_seat(device))
        self.comes = asyncio.Event()

    async def apply(
        self, path: str, demand: Callable[[Version], None], progress: Progress
    ) -> Staged:
        await self.comes.wait()
        return await super().apply(path, demand, progress)


class AtNoon(FakeClock):
    def rfc3339(self) -> str:
        return "2031-05-06T12:00:00+02:00"


class Agent:
    """It runs, and takes orders; its window is at night."""

    def __init__(self, version: str = stories.OLD) -> None:
        self.left = 0
        self.clock = AtNoon()
        self.stick = SlowStick(life.flashed())
        self.hand_over = HandOver(
            self.clock,
            idle=lambda: True,
            well=lambda: True,
            leave=self._leave,
            window=Window.parse("02:00-05:00"),
        )
        self.orders = Orders(
            self.stick.seat,
            self.stick,
            version=version,
            arch="amd64",
            now=self.clock.now,
            running=Running(hand_over=lambda: self.hand_over, describe=dict),
        )
        self.task = asyncio.create_task(self.hand_over.run())

    async def obey(self, order: str, arguments: Plain) -> Plain:
        return await self.orders.obey(order, arguments, _no_news)

    def _leave(self) -> None:
        self.left += 1


async def _no_news(_: Plain) -> None:
    return


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    made = Agent()
    yield made
    made.task.cancel()


async def test_a_file_that_is_on_its_way_is_not_cut_by_a_hand_over(agent: Agent) -> None:
    applying = asyncio.create_task(agent.obey("apply", APPLY))
    await asyncio.sleep(0)
    agent.hand_over.request(60)
    await agent.clock.advance(3600)
    meanwhile = agent.left

    agent.stick.comes.set()
    answer = await applying
    await agent.clock.advance(12)

    assert (meanwhile, agent.left) == (0, 1)
    assert "1.5.0 is staged" in str(answer["text"])


async def test_a_file_that_somebody_brought_waits_for_no_window(agent: Agent) -> None:
    agent.stick.comes.set()

    await agent.obey("apply", APPLY)
    await agent.clock.advance(5)

    assert agent.left == 1


async def test_what_is_refused_holds_up_nothing_any_more() -> None:
    newer = Agent(version="1.6.0")
    newer.stick.comes.set()
    newer.hand_over.request(60)

    with pytest.raises(BadRelease):
        await newer.obey("apply", APPLY)
    await newer.clock.advance(12)

    assert newer.left == 1
    newer.task.cancel()
