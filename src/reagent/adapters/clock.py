"""The real time and a real die; the only place that looks at the wall clock."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `contracts.clock.Clock`."""

    def __init__(self) -> None:
        self._die = random.SystemRandom()

    def monotonic(self) -> float:
        """Seconds that only go up."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch, as the device believes."""
        return time.time()

    def rfc3339(self) -> str:
        """The device's local time with offset, whole seconds; `Z` where the offset is zero."""
        text = datetime.fromtimestamp(time.time(), UTC).astimezone().isoformat(timespec="seconds")
        return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text

    async def sleep(self, seconds: float) -> None:
        """Sleep; cancellable."""
        await asyncio.sleep(seconds)

    def random(self) -> float:
        """A number in [0, 1), from the system: devices flashed alike must not roll alike."""
        return self._die.random()
