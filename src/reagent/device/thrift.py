"""When memory is given back: after the start, and whenever a burst is over.

Giving back costs milliseconds, and what was given back too eagerly comes again one fault at a time.
So it is done when there is a good part to give, and less often while it does not last.
"""

from __future__ import annotations

from typing import Final

from reagent.contracts.clock import Clock
from reagent.contracts.memory import Memory

LOOK_S: Final = 5.0
LONGEST_S: Final = 60.0
GROWTH: Final = 3 * 1024 * 1024


class Thrift:
    """Looks every 5 s; reading one number is all it costs a device that is quiet."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def watch(self) -> None:
        """Give back after 5 s, then whenever 3 MB or more have come since; never returns.

        Each time in a row that the memory has come back at the next look, that look comes later.
        """
        left, pause = 0, LOOK_S
        while True:
            await self._clock.sleep(pause)
            if self._memory.resident() < left + GROWTH:
                pause = LOOK_S
                continue
            self._memory.give_back()
            left, pause = self._memory.resident(), min(2 * pause, LONGEST_S)
