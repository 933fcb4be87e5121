"""Tasks with an owner: kept alive for ever, or ended within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

from reagent import log
from reagent.aio.backoff import full_jitter
from reagent.contracts.clock import Clock

_log = log.get(__name__)
_HEALTHY_S = 60.0


async def supervise(name: str, work: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run `work` for ever: when it fails or returns, log it and start it again.

    The pause grows with failures in a row, by full jitter up to a minute; work that ran for a
    minute starts over with the shortest pause. Cancellation passes through.

    Args:
        name: what it is, for the log.
        work: makes one run.
        clock: time and chance.
    """
    failures = 0
    while True:
        started = clock.monotonic()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the work has to go on
            _log.error("work failed and starts again", work=name, error=repr(error))
        failures = 1 if clock.monotonic() - started >= _HEALTHY_S else failures + 1
        await clock.sleep(full_jitter(failures, clock.random()))


async def until_done(
    name: str, work: Callable[[], Awaitable[None]], clock: Clock, *, again: float
) -> None:
    """Run `work` until it returns: when it fails, log it and start it again.

    Args:
        name: what it is, for the log.
        work: makes one run.
        clock: time.
        again: seconds between a failure and the next run.
    """
    while True:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, what stands beside it goes on
            _log.error("work failed and starts again", work=name, error=repr(error))
        await clock.sleep(again)


async def end(tasks: Iterable[asyncio.Task[object]], within: float) -> bool:
    """Cancel tasks and wait for them, at most `within` seconds.

    Failures of the tasks are swallowed: who wanted them was told before, or is gone.

    Returns:
        Whether all of them ended in time.
    """
    pending = [task for task in tasks if task is not asyncio.current_task()]
    for task in pending:
        task.cancel()
    if not pending:
        return True
    done, late = await asyncio.wait(pending, timeout=within)
    for task in done:
        if not task.cancelled():
            task.exception()
    for task in late:
        _log.warning("a task does not end", task=task.get_name())
    return not late


class Tasks:
    """Tasks that come and go: each is referenced while it runs, and all end with their owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Start one. Its failure is logged, nothing else."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._over)
        return task

    def cancel(self) -> None:
        """Ask all of them to end; `end` waits for it."""
        for task in self._running:
            task.cancel()

    async def end(self, within: float) -> bool:
        """Cancel all and wait at most `within` seconds; returns whether all ended."""
        return await end(tuple(self._running), within)

    def _over(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            _log.error("a task failed", task=task.get_name(), error=repr(error))
