"""Time and chance, so that tests need neither."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Now, later, and a die."""

    def monotonic(self) -> float:
        """Seconds that only go up."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, as the device believes."""
        ...

    def rfc3339(self) -> str:
        """The device's local time with offset, whole seconds: `2031-05-06T09:08:09+02:00`."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep; cancellable."""
        ...

    def random(self) -> float:
        """A number in [0, 1)."""
        ...
