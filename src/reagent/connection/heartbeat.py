"""Telling the platform that we are here, and noticing that it does not hear us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from reagent import log
from reagent.contracts.clock import Clock
from reagent.errors import ReagentError

_log = log.get(__name__)

BEAT_S = 30.0
FAILURES = 2


class Heartbeat:
    """One beat every 30 s, the first after 30 s (docs/contract/wamp.md 1.8).

    Args:
        beat: the status call, bounded by itself; any `ReagentError` counts, also an ERROR of the
            backend.
        connected: a beat that falls into a known gap is not sent and forgives earlier failures.
    """

    def __init__(
        self,
        clock: Clock,
        beat: Callable[[], Awaitable[None]],
        connected: Callable[[], bool],
        every: float = BEAT_S,
    ) -> None:
        self._clock = clock
        self._beat = beat
        self._connected = connected
        self._every = every

    async def watch(self) -> None:
        """Return when two beats in a row failed: the session is of no use any more."""
        failures = 0
        while failures < FAILURES:
            await self._clock.sleep(self._every)
            if not self._connected():
                failures = 0
                continue
            try:
                await self._beat()
            except ReagentError as error:
                failures += 1
                _log.warning("heartbeat failed", failures=failures, error=error, slug=error.slug)
            except Exception as error:  # noqa: BLE001 - a fault of ours says nothing about the link
                _log.exception("heartbeat broke", error=error)
            else:
                failures = 0
