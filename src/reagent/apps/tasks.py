"""Tasks with an owner: none is lost, none fails unheard, all end with whoever started them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from reagent import log

_log = log.get(__name__)


class Tasks:
    """A set of running tasks."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def spawn(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Run something in the background; what it raises is logged with its stack.

        After `close` it is cancelled before its first step.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        if self._closed:
            task.cancel()
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def __len__(self) -> int:
        return len(self._running)

    async def settled(self) -> None:
        """Wait until nothing runs any more, what comes up meanwhile included."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self, within: float) -> None:
        """Cancel everything and wait for the ends, at most so many seconds."""
        self._closed = True
        for task in self._running:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=within)
            for task in late:
                _log.warning("a task does not end", task=task.get_name())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.exception("a background task broke", task=task.get_name(), error=error)
