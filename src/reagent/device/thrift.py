"""When memory is given back: after the start, and whenever a burst is over.

Giving back costs milliseconds, and what was given back too eagerly comes again one fault at a time.
So it is done once the start is surely over, and then only when the process has grown by a good part
since it last settled.
"""

from __future__ import annotations

from typing import Final

from reagent.contracts.clock import Clock
from reagent.contracts.memory import Memory

EVERY_S: Final = 10.0
GROWTH: Final = 4 * 1024 * 1024


class Thrift:
    """Looks every 10 s; reading one number is all it costs a device that is quiet."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def watch(self) -> None:
        """Give back after 10 s, then whenever 4 MB or more have come since; never returns."""
        settled: int | None = 0
        while True:
            await self._clock.sleep(EVERY_S)
            now = self._memory.resident()
            if settled is None:
                # What is used all the time has come back by now.
                settled = now
            elif now >= settled + GROWTH:
                self._memory.give_back()
                settled = None
