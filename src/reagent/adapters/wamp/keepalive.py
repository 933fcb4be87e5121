"""Pings, and noticing that nobody answers them (docs/contract/wamp.md 1.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PAYLOAD = b"keepalive"
UNANSWERED = 2


class Keepalive:
    """Pings at an interval; when two are unanswered as the next is due, the peer is dead.

    Args:
        interval: seconds; 0 never pings.
        ping: sends one.
        dead: called once.
    """

    def __init__(
        self, interval: float, ping: Callable[[bytes], None], dead: Callable[[], None]
    ) -> None:
        self._interval = interval
        self._ping = ping
        self._dead = dead
        self._unanswered = 0
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; the first ping goes out after one interval."""
        if self._interval > 0:
            self._next = asyncio.get_running_loop().call_later(self._interval, self._due)

    def stop(self) -> None:
        """End; `dead` is not called any more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def ponged(self, payload: bytes) -> None:
        """Somebody is there: an answer to one ping makes up for all before it."""
        if payload == PAYLOAD:
            self._unanswered = 0

    def _due(self) -> None:
        if self._unanswered >= UNANSWERED:
            self._dead()
            return
        self._unanswered += 1
        self._ping(PAYLOAD)
        self.start()
