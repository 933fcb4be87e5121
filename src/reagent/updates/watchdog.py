"""An agent whose loop stands still ends itself: what starts it again may find it well.

A thread counts its own turns, not the clock's seconds: a process that was stopped, or a machine
that slept, does not hang.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import threading
from collections.abc import Callable
from typing import Final

from reagent import log

_log = log.get(__name__)

TURN_S: Final = 10.0
MOST_TURNS: Final = 12
STATUS: Final = 75


def _end() -> None:
    faulthandler.dump_traceback()
    os._exit(STATUS)


class Watchdog:
    """Fed by the loop, looked at by a thread.

    Args:
        turn: seconds between two looks.
        most: looks without food until the end.
        end: ends the process; it does not return.
        alive: told at every meal: who watches from outside hears of the loop, not of a thread.
    """

    def __init__(
        self,
        *,
        turn: float = TURN_S,
        most: int = MOST_TURNS,
        end: Callable[[], None] = _end,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._turn = turn
        self._most = most
        self._end = end
        self._alive = alive
        self._fed = 0
        self._over = threading.Event()

    async def run(self) -> None:
        """Feed it, until cancelled."""
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            while True:
                self._fed += 1
                self._alive()
                await asyncio.sleep(self._turn)
        finally:
            self._over.set()

    def _watch(self) -> None:
        seen, hungry = -1, 0
        while not self._over.wait(self._turn):
            hungry = hungry + 1 if self._fed == seen else 0
            seen = self._fed
            if hungry >= self._most:
                _log.fatal("the event loop stands still, the process ends itself")
                self._end()
                return
