"""Threads for calls that may block for ever, a few for each who has such calls.

The standard library's pool is joined when the interpreter exits, so an engine that hangs would
hold up the end of the agent. These are daemons: started when there is work, at most a few, gone
after a while without any. A call whose task is cancelled runs on in its thread until its own
timeout, or is left behind there; what must end at once (pulls, logs, events) is never run here.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """Runs blocking calls off the loop.

    Args:
        name: of the threads.
        limit: so many at once; what comes then waits until one of them is free.
        idle_s: one without work ends after so many seconds.
    """

    def __init__(self, name: str, limit: int = 4, idle_s: float = 10.0) -> None:
        self._name = name
        self._limit = limit
        self._idle_s = idle_s
        self._changed = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._count = 0
        self._idle = 0

    async def run(self, call: Callable[[], T]) -> T:
        """Run `call` in a thread; its result or its exception is ours."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            if future.cancelled():
                return  # given up while it waited for a thread: it must not happen later
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                try:
                    result = call()
                except BaseException as error:  # noqa: BLE001  # it belongs to the waiting task
                    loop.call_soon_threadsafe(_fail, future, error)
                else:
                    loop.call_soon_threadsafe(_settle, future, result)

        self._submit(job)
        try:
            return await future
        finally:
            if future.cancelled():
                self._forget(job)

    def leave(self, call: Callable[[], None]) -> None:
        """Run `call` when there is a thread; nobody waits for it, or hears of its `OSError`."""

        def job() -> None:
            with suppress(OSError):
                call()

        self._submit(job)

    def _forget(self, job: Callable[[], None]) -> None:
        """Where every thread hangs, what was given up must not pile up behind them."""
        with self._changed, suppress(ValueError):
            self._jobs.remove(job)

    def _submit(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._changed.notify()
                return
            if self._count >= self._limit:
                return
            self._count += 1
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._jobs, self._idle_s)
                self._idle -= 1
                if not self._jobs:
                    self._count -= 1
                    return
                job = self._jobs.popleft()
            job()


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
