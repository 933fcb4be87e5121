"""An event loop that knows whether a thread still works for it.

Scenarios on a clock of their own let everybody run as far as they can before they look. Rounds of
the loop do not tell when that is: the database has a thread, and so has `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True, slots=True)
class ThreadWork:
    """What was given to threads so far, and how much of it came back."""

    given: int = 0
    returned: int = 0

    @property
    def busy(self) -> int:
        return self.given - self.returned


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what is given to threads."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = ThreadWork()

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], Result],
        *args: *Arguments,
    ) -> asyncio.Future[Result]:
        work = super().run_in_executor(executor, func, *args)
        self.threads = replace(self.threads, given=self.threads.given + 1)
        work.add_done_callback(self._came_back)
        return work

    def _came_back(self, _: asyncio.Future[Result]) -> None:
        self.threads = replace(self.threads, returned=self.threads.returned + 1)
