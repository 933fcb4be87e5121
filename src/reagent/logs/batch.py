"""Lines of one container become few messages (docs/contract/streams.md 1.7).

Rules:

* Lines that arrive within one window of 200 ms go out as one message, joined by newlines.
* A message holds at most 256 KiB, a line counting its UTF-8 length and one. What a window has
  beyond that is dropped and counted; the last line of the message then says so.
* At most 1 MiB waits. A line that would exceed it is dropped and counted as well.
* A window that is over by no more than 32 KiB loses nothing: what is over opens the next one. A
  container that stays below 256 KiB per 200 ms would otherwise lose lines to the jitter between
  its clock and ours.

A window is a matter of when lines arrived, not of when a timer got its turn, so a busy event loop
never turns two windows into one that is too big. Nothing here wakes up while nothing waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from reagent.contracts.clock import Clock

WINDOW: Final = 0.2
"""Seconds from the first line of a message until it goes out."""

MESSAGE_LIMIT: Final = 256 * 1024
"""Bytes of lines in one message."""

BUFFER_LIMIT: Final = 1024 * 1024
"""Bytes of lines that may wait."""

CARRY_LIMIT: Final = 32 * 1024
"""Bytes that one window may hand to the next."""

Publish = Callable[[str], Awaitable[None]]


def drop_marker(count: int) -> str:
    """The line that stands for lines that are not there."""
    return f"\u2026 {count} lines dropped (rate limit)"


def weight(text: str) -> int:
    """What a line, or lines joined by newlines, count for: UTF-8 length and one."""
    # isascii is a flag of the text: what apps print is not encoded just to be measured.
    return (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) + 1


class Buffer:
    """The rules above, without time or tasks of their own."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._bytes = 0
        self._carried: list[str] = []
        self._carried_bytes = 0
        self._dropped = 0
        self._opened = 0.0
        self._ready: deque[tuple[str, int]] = deque()
        self._ready_bytes = 0

    @property
    def buffered(self) -> int:
        """Bytes that wait."""
        return self._bytes + self._carried_bytes + self._ready_bytes

    @property
    def dropped(self) -> int:
        """Lines that the open window lost so far."""
        return self._dropped

    @property
    def waiting(self) -> bool:
        """Whether there is anything to send, now or at the end of the window."""
        return bool(self._ready) or self._open

    @property
    def due(self) -> float:
        """When the open window ends."""
        return self._opened + WINDOW

    def add(self, lines: Sequence[str], at: float) -> None:
        """Take lines that arrived at `at`, seconds of a monotonic clock. Never blocks."""
        if not lines:
            return
        if self._open and at >= self.due:
            self.cut(at)
        if not self._open:
            self._opened = at
        text = "\n".join(lines)
        size = weight(text)
        if self._fits(size):
            self._texts.append(text)
            self._bytes += size
            return
        for line in lines:
            self._add_one(line)

    def cut(self, at: float) -> None:
        """End the open window, if there is one; its message is then ready."""
        if not self._open:
            return
        if not self._texts and self._ready:
            # Nothing but lost lines, and older messages still wait: one marker after them will do.
            self._opened = at
            return
        size = self._bytes
        texts = self._texts
        if self._dropped:
            texts.append(drop_marker(self._dropped))
        self._texts, self._bytes = self._carried, self._carried_bytes
        self._carried, self._carried_bytes = [], 0
        self._dropped = 0
        self._opened = at
        self._ready.append(("\n".join(texts), size))
        self._ready_bytes += size

    @property
    def ready(self) -> bool:
        """Whether a message can be taken."""
        return bool(self._ready)

    def take(self) -> str | None:
        """The next message that is ready, None when there is none."""
        if not self._ready:
            return None
        text, size = self._ready.popleft()
        self._ready_bytes -= size
        return text

    @property
    def _open(self) -> bool:
        return bool(self._texts) or self._dropped > 0

    def _fits(self, size: int) -> bool:
        return (
            not self._dropped
            and not self._carried
            and self._bytes + size <= MESSAGE_LIMIT
            and self.buffered + size <= BUFFER_LIMIT
        )

    def _add_one(self, line: str) -> None:
        size = weight(line)
        if self._fits(size):
            self._texts.append(line)
            self._bytes += size
        elif self._may_carry(size):
            self._carried.append(line)
            self._carried_bytes += size
        else:
            # From the first lost line on, the rest of the window is lost: one gap, not many.
            self._dropped += 1 + len(self._carried)
            self._carried, self._carried_bytes = [], 0

    def _may_carry(self, size: int) -> bool:
        return (
            not self._dropped
            and bool(self._texts)
            and self._carried_bytes + size <= MESSAGE_LIMIT
            and self._bytes + self._carried_bytes + size <= MESSAGE_LIMIT + CARRY_LIMIT
            and self.buffered + size <= BUFFER_LIMIT
        )


class Batcher:
    """A buffer with a timer that exists only while something waits.

    Args:
        publish: sends one message. Whatever it does with errors, it must not raise them.
        clock: the time.
    """

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._buffer = Buffer()
        self._sending = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    def add(self, lines: Sequence[str]) -> None:
        """Take lines; they go out within 200 ms."""
        self._buffer.add(lines, self._clock.monotonic())
        if self._timer is None:
            self._timer = asyncio.create_task(self._send_when_due(), name="send log lines")

    async def flush(self) -> None:
        """Send everything that waits, now; returns when it is sent."""
        while (
            self._buffer.waiting
        ):  # twice at most: a window over its limit hands some of it to the next
            self._buffer.cut(self._clock.monotonic())
            await self._send()

    async def close(self) -> None:
        """Send what waits and end the timer. It may be used again."""
        await self.flush()
        if (timer := self._timer) is not None:
            timer.cancel()
            await asyncio.wait([timer])
            self._timer = None

    async def _send_when_due(self) -> None:
        try:
            while self._buffer.waiting:
                if not self._buffer.ready:
                    await self._end_of_window()
                await self._send()
        finally:
            self._timer = None

    async def _end_of_window(self) -> None:
        delay = self._buffer.due - self._clock.monotonic()
        if delay > 0:
            await self._clock.sleep(delay)
        now = self._clock.monotonic()
        if now >= self._buffer.due:  # not when `add` began a new window meanwhile
            self._buffer.cut(now)

    async def _send(self) -> None:
        async with self._sending:
            while (text := self._buffer.take()) is not None:
                await self._publish(text)
