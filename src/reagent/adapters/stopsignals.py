"""An order to stop, heard instead of obeyed by whoever has versions below it to end first.

How a wait is woken by one is the system's: `posix.candidate` and `windows.candidate` say it.
"""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Protocol, Self

# Each system has some of them.
_STOPS: Final = tuple(
    number
    for name in ("SIGTERM", "SIGINT", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
)

_Handler = Callable[[int, FrameType | None], object] | int | None


class Stops(Protocol):
    """Whether a stop was ordered."""

    stop: bool


class StopSignals(ABC):
    """While open, an order to stop is heard instead of obeyed. For the main thread only."""

    def __init__(self) -> None:
        self.stop = False
        self._before: dict[int, _Handler] = {}

    def __enter__(self) -> Self:
        for number in _STOPS:
            self.take(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take(self, number: int, handler: Callable[[int, FrameType | None], object]) -> None:
        """Handle a signal until the end, which gives it back to who has it now."""
        self._before[number] = signal.signal(number, handler)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until a stop is ordered; whether it is."""
        return stopped_within(self, seconds, self.pause)

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Wait so long at most, and no longer than until a signal comes, where that wakes one."""

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.stop = True


def stopped_within(stops: Stops, seconds: float, pause: Callable[[float], None]) -> bool:
    """Pause for so long altogether, or until a stop is ordered; whether it is."""
    until = time.monotonic() + seconds
    while not stops.stop and (left := until - time.monotonic()) > 0:
        pause(left)
    return stops.stop
