"""Outside waits with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from reagent.errors import DeadlineExceeded

T = TypeVar("T")


async def within(seconds: float | None, work: Awaitable[T], what: str) -> T:
    """Await `work` for at most `seconds`.

    Args:
        seconds: the bound; None waits without one.
        work: cancelled when the time is up.
        what: names the work in the error: "answer of reswarm.x".

    Raises:
        DeadlineExceeded: the time was up. A `TimeoutError` of the work itself passes through.
    """
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            return await work
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise DeadlineExceeded(f"no {what} within {seconds:g} s") from error
