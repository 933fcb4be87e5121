from __future__ import annotations

import asyncio

import pytest

from reagent.apps.streams import Streams
from reagent.errors import Canceled


async def _work(streams: Streams, begun: asyncio.Event) -> None:
    async with streams.cancelable("pull_6_MyApp"):
        begun.set()
        await asyncio.Event().wait()


async def test_canceled_work_ends_as_canceled() -> None:
    streams, begun = Streams(), asyncio.Event()
    task = asyncio.create_task(_work(streams, begun))
    await begun.wait()

    found = streams.cancel("pull_6_MyApp")

    with pytest.raises(Canceled):
        await task
    assert found
    assert streams.running == {}


async def test_there_may_be_nothing_to_cancel() -> None:
    assert not Streams().cancel("pull_6_MyApp")


async def test_a_task_that_is_cancelled_itself_stays_cancelled() -> None:
    streams, begun = Streams(), asyncio.Event()
    task = asyncio.create_task(_work(streams, begun))
    await begun.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert streams.running == {}


async def test_a_task_that_is_cancelled_in_both_ways_stays_cancelled() -> None:
    streams, begun = Streams(), asyncio.Event()
    task = asyncio.create_task(_work(streams, begun))
    await begun.wait()

    streams.cancel("pull_6_MyApp")
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
