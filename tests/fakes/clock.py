"""Time that moves when it is told to, and a die that falls as it is told to."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from tests.fakes.loop import CountingLoop, ThreadWork

PATIENCE_S = 10.0


class FakeClock:
    """Implements `contracts.clock.Clock`. Nothing passes by itself."""

    def __init__(self, now: float = 1_900_000_000.0, die: float = 0.5) -> None:
        self._now = now
        self._since = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.die = die
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self._since

    def now(self) -> float:
        return self._now + self._since

    def rfc3339(self) -> str:
        return "2031-05-06T09:08:09+02:00"

    def random(self) -> float:
        return self.die

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._since + seconds, next(self._order), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Let time pass: sleepers wake in order, and everybody runs as far as they can."""
        until = self._since + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, waiter = heapq.heappop(self._sleepers)
            self._since = max(self._since, due)
            if not waiter.done():
                waiter.set_result(None)
                await settle()
        self._since = until
        await settle()


async def settle(rounds: int = 50) -> None:
    """Let every task run until it waits for something that does not come by itself.

    What a thread was given comes by itself, so it is waited for: ten seconds at most, because a
    test may hold a thread on purpose.
    """
    loop = asyncio.get_running_loop()
    patience = loop.time() + PATIENCE_S
    while True:
        before = _threads(loop)
        for _ in range(rounds):
            await asyncio.sleep(0)
        if (before == _threads(loop) and before.busy == 0) or loop.time() > patience:
            return
        if before.busy:
            await asyncio.sleep(0.001)


def _threads(loop: asyncio.AbstractEventLoop) -> ThreadWork:
    return loop.threads if isinstance(loop, CountingLoop) else ThreadWork()
