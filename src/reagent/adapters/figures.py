"""A machine's figures, read in a thread: one reading at a time, and nobody waits long for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from reagent.model.device import Stats

# A file system that does not answer (a dead network mount) must not hold up a heartbeat.
_PATIENCE_S: Final = 2.0


class Figures:
    """The latest there are.

    Args:
        read: takes them; it may block.
        patience: seconds that anybody waits for it.
    """

    def __init__(self, read: Callable[[], Stats], patience: float = _PATIENCE_S) -> None:
        self._read = read
        self._patience = patience
        self._stats = Stats()
        self._reading: asyncio.Future[Stats] | None = None

    async def latest(self) -> Stats:
        """New ones; those of before when a disk does not answer in time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._read)
        try:
            async with asyncio.timeout(self._patience):
                self._stats = await asyncio.shield(self._reading)
        except TimeoutError:
            pass
        return self._stats
