from __future__ import annotations

import asyncio

import pytest

from reagent.aio.bounded import within
from reagent.errors import DeadlineExceeded


async def value() -> int:
    return 7


async def hang() -> int:
    await asyncio.Event().wait()
    return 0


async def late() -> int:
    raise TimeoutError("its own")


async def test_an_answer_in_time_passes() -> None:
    assert await within(1, value(), "answer") == 7


async def test_no_bound_waits() -> None:
    assert await within(None, value(), "answer") == 7


async def test_a_late_answer_is_named() -> None:
    with pytest.raises(DeadlineExceeded, match=r"no answer of x within 0\.01 s"):
        await within(0.01, hang(), "answer of x")


async def test_a_time_out_of_the_work_itself_is_not_ours() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        await within(1, late(), "answer")


async def test_cancellation_passes_through() -> None:
    waiting = asyncio.create_task(within(10, hang(), "answer"))
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
