"""Downloads that somebody may want to end, by the id of their stream (`pull_6_MyApp`)."""

from __future__ import annotations

import asyncio
from types import TracebackType

from reagent.errors import Canceled


class Cancelable:
    """`async with`: a piece of work that `cancel` ends from outside with `Canceled`.

    A cancellation of the task itself passes through as what it is.
    """

    def __init__(self, streams: Streams, stream: str) -> None:
        self._streams = streams
        self._stream = stream
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._canceled = False

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        if self._task is not None:
            self._cancelling = self._task.cancelling()
        self._streams.running.setdefault(self._stream, set()).add(self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        running = self._streams.running.get(self._stream, set())
        running.discard(self)
        if not running:
            self._streams.running.pop(self._stream, None)
        if not self._canceled or self._task is None:
            return
        # Ours is taken back; if somebody else cancelled the task as well, that one goes on.
        others = self._task.uncancel() > self._cancelling
        if not others and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise Canceled(f"{self._stream} was canceled") from error

    def cancel(self) -> None:
        """End the work; twice is once."""
        if self._task is not None and not self._canceled:
            self._canceled = True
            self._task.cancel()


class Streams:
    """The running ones by id."""

    def __init__(self) -> None:
        self.running: dict[str, set[Cancelable]] = {}

    def cancelable(self, stream: str) -> Cancelable:
        """Let the work inside be ended under this id."""
        return Cancelable(self, stream)

    def cancel(self, stream: str) -> bool:
        """End it; False when there is none, which is no error."""
        running = self.running.pop(stream, set())
        for work in running:
            work.cancel()
        return bool(running)
