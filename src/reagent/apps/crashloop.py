"""When a dying release may start again (docs/contract/apps.md 2.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from reagent.apps.tasks import Tasks
from reagent.contracts.clock import Clock
from reagent.model.app import AppKey, WantedApp

_STEP_S: Final = 5.0
_LONGEST_S: Final = 3600.0
_MOST: Final = 100
_SPREAD: Final = 0.4


def delay(attempt: int, chance: float) -> float:
    """Seconds before the nth start: 5 s x n squared, an hour at most, then 20 % more or less.

    Args:
        attempt: counted from 1; clamped to 1..100.
        chance: in [0, 1).
    """
    count = min(max(attempt, 1), _MOST)
    return min(_STEP_S * count**2, _LONGEST_S) * (1 - _SPREAD / 2 + _SPREAD * chance)


def ordinal(number: int) -> str:
    """`1st`, `22nd`, `113th`."""
    if number % 100 in {11, 12, 13}:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


@dataclass(slots=True)
class _Entry:
    wanted: WantedApp
    attempt: int
    due: float
    timer: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """What was decided: the how manieth start comes after how many seconds."""

    attempt: int
    seconds: float


class CrashLoop:
    """Counts crashes per app and asks for the next start in time.

    The count survives a start that succeeded, so that an app that dies right after each start
    waits longer and longer; it begins anew when an app was left alone by its crashes for an hour,
    and whenever somebody asks anything of the app.
    """

    def __init__(self, clock: Clock, tasks: Tasks, retry: Callable[[WantedApp], None]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._retry = retry
        self._entries: dict[AppKey, _Entry] = {}

    def enter(self, wanted: WantedApp) -> Retry:
        """Note a crash and plan the next start.

        The request of the first crash is the one that is repeated. A start that was already
        planned is planned anew.
        """
        now = self._clock.monotonic()
        entry = self._entries.get(wanted.id)
        if entry is None or now - entry.due > _LONGEST_S:
            self.forget(wanted.id)
            entry = _Entry(replace(wanted, retrying=True, cancel_transition=False), 0, now)
            self._entries[wanted.id] = entry
        entry.attempt += 1
        seconds = delay(entry.attempt, self._clock.random())
        entry.due = now + seconds
        if entry.timer is not None:
            entry.timer.cancel()
        entry.timer = self._tasks.spawn(
            self._wait(entry, seconds), f"start {wanted.stage} {wanted.app_key} again"
        )
        return Retry(entry.attempt, seconds)

    def forget(self, app: AppKey) -> None:
        """Count from the beginning; a planned start does not come. Nothing to forget is fine."""
        entry = self._entries.pop(app, None)
        if entry is not None and entry.timer is not None:
            entry.timer.cancel()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, app: AppKey) -> bool:
        return app in self._entries

    async def _wait(self, entry: _Entry, seconds: float) -> None:
        await self._clock.sleep(seconds)
        entry.timer = None
        if self._entries.get(entry.wanted.id) is entry:
            self._retry(entry.wanted)
