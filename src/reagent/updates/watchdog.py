"""An agent whose loop stands still ends itself: what starts it again may find it well.

A thread counts its own turns, not the clock's seconds: a process that was stopped, or a machine
that slept, does not hang.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable
from typing import Final

from reagent import log
from reagent.contracts.clock import Clock

_log = log.get(__name__)

TURN_S: Final = 10.0
MOST_TURNS: Final = 12
STATUS: Final = 75
# Who wants to hear of us more often than this is told this often.
_QUICKEST_S: Final = 0.05


def _end() -> None:
    faulthandler.dump_traceback()
    os._exit(STATUS)


class Watchdog:
    """Fed by the loop, looked at by a thread.

    Args:
        clock: times the meals.
        within: seconds within which who watches from outside wants to hear of us, 0 for whenever;
            told is twice as often (sd_watchdog_enabled(3)), and at every turn at least.
        turn: seconds between two looks.
        most: looks without food until the end.
        end: ends the process; it does not return.
        alive: told at every meal: who watches from outside hears of the loop, not of a thread.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        within: float = 0.0,
        turn: float = TURN_S,
        most: int = MOST_TURNS,
        end: Callable[[], None] = _end,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._turn = turn
        self._pace = min(turn, max(within / 2, _QUICKEST_S)) if within > 0 else turn
        self._most = most
        self._end = end
        self._alive = alive
        self._fed = 0
        self._seen, self._hungry = -1, 0
        self._over = threading.Event()

    async def run(self) -> None:
        """Feed it, until cancelled."""
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            while True:
                self._fed += 1
                self._alive()
                await self._clock.sleep(self._pace)
        finally:
            self._over.set()

    def starves(self) -> bool:
        """One look: whether it was the last without food."""
        self._hungry = self._hungry + 1 if self._fed == self._seen else 0
        self._seen = self._fed
        return self._hungry >= self._most

    def _watch(self) -> None:
        while not self._over.wait(self._turn):
            if self.starves():
                _log.fatal("the event loop stands still, the process ends itself")
                self._end()
                return
