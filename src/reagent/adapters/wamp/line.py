"""What a session needs of its connection, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one session waits.

    Attributes:
        response: seconds for every answer of the router itself.
        ping: seconds between keepalive pings; 0 sends none.
    """

    response: float = 5.0
    ping: float = 0.0


class Line(Protocol):
    """What the session needs of a connection; `wire.Wire` is one."""

    def send(self, payload: bytes) -> None:
        """Send one message, or raise `NotConnected` or `CallFailed`."""
        ...

    async def drained(self) -> None:
        """Wait until more is welcome."""
        ...

    def ping(self, payload: bytes) -> None:
        """Send a ping."""
        ...

    async def close(self) -> None:
        """Close with code 1000 and wait for the end."""
        ...

    def abort(self) -> None:
        """Drop the connection."""
        ...
