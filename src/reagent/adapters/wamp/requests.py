"""What we asked the router and wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from reagent.errors import ReagentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request.

    Attributes:
        kind: the message type it was sent as; an ERROR names it.
        accept: makes the result of the router's message. It runs when the message arrives, not
            when the waiter wakes: an INVOCATION may follow its REGISTERED in the same packet.
    """

    kind: int
    accept: Callable[[object], T]
    future: asyncio.Future[T]

    def answered(self, reply: object) -> bool:
        """The router's message for it; False when nobody waits any more."""
        if self.future.done():
            return False
        self.future.set_result(self.accept(reply))
        return True

    def failed(self, error: ReagentError) -> None:
        """The router's ERROR, or the end of the session."""
        if not self.future.done():
            self.future.set_exception(error)
            # Who gave up waiting does not look; that is no unhandled failure.
            self.future.exception()


class Requests:
    """The open requests of one session, by number."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, Request[object]] = {}

    def start(self, kind: int, accept: Callable[[object], T]) -> tuple[int, asyncio.Future[T]]:
        """Give a request its number: 1, 2, 3, ... as WAMP wants them within a session."""
        self._last += 1
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        request: Request[object] = Request(kind, accept, future)  # type: ignore[arg-type]
        self._open[self._last] = request
        return self._last, future

    def number(self) -> int:
        """A number for a request that nobody waits for."""
        self._last += 1
        return self._last

    def forget(self, number: int) -> None:
        """Nobody waits any more."""
        self._open.pop(number, None)

    def take(self, number: int, kind: int) -> Request[object] | None:
        """The open request of that number and kind, which thereby is no longer open."""
        request = self._open.get(number)
        if request is None or request.kind != kind:
            return None
        return self._open.pop(number)

    def fail_all(self, error: Callable[[], ReagentError]) -> None:
        """The session is over: everybody who waits gets an error of their own."""
        requests, self._open = self._open, {}
        for request in requests.values():
            request.failed(error())
