"""One HTTP/1.1 connection on the event loop: a request goes out, a head and body bytes come back.

The standard library's `http.client` blocks and `asyncio.StreamReader` wakes its reader for every
read; the log of a busy container would cost a wake-up for every line. So:

* every connection receives into one buffer that all share (a receive and what follows it are one
  step of the loop), and keeps only what came;
* while a stream is busy it rests after each block, so that the next one holds many lines. A unix
  socket holds some 280 of the Docker engine's small writes, whatever their size; then the engine
  waits (its log file does not). So the rest is short when that is what came, and longer otherwise:
  readers gather for 200 ms anyway (docs/contract/streams.md 1.7);
* who reads slowly makes the connection pause, and thereby the other side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reagent.adapters.http.chunks import Chunked, Counted, Decoder, Malformed, UntilClosed

HIGH_WATER = 256 * 1024
REST_S = 0.02
SHORT_REST_S = 0.002
_FULL = 1536  # 280 writes of an empty line
_RECEIVE = 128 * 1024
_LONGEST_HEAD = 64 * 1024
_BODILESS = frozenset({204, 304})

_shared: list[memoryview] = []


def _buffer() -> memoryview:
    if not _shared:
        _shared.append(memoryview(bytearray(_RECEIVE)))
    return _shared[0]


class Broken(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of an answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]

    def decoder(self) -> Decoder:
        """How its body is to be read; raises `Malformed`."""
        if self.status in _BODILESS:
            return Counted(0)
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return Chunked()
        length = self.headers.get("content-length")
        if length is None:
            return UntilClosed()
        if not length.isdigit():
            raise Malformed("a body of no length")
        return Counted(int(length))


class Connection(asyncio.BufferedProtocol):
    """Serves one exchange at a time.

    Args:
        forget: told once, when the connection is gone.
    """

    def __init__(self, forget: Callable[[Connection], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._forget = forget
        self._transport: asyncio.Transport | None = None
        self._blocks: list[bytes] = []
        self._held = 0
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        self._decoder: Decoder = UntilClosed()
        self._rests = False
        self._resting: asyncio.TimerHandle | None = None
        self._last_block = 0.0
        self._paused = False
        self.answered = False

    # --- the loop's side ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the loop receives into."""
        return _buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Something came."""
        self._blocks.append(bytes(_buffer()[:nbytes]))
        self._held += nbytes
        if self._held >= HIGH_WATER:
            self._pause()
        elif self._rests:
            now = self._loop.time()
            if now - self._last_block < 2 * REST_S:
                self._pause()
                rest = SHORT_REST_S if nbytes >= _FULL else REST_S
                self._resting = self._loop.call_later(rest, self._rested)
            self._last_block = now
        self._wake()

    def eof_received(self) -> bool:
        """The other side will say no more; closing follows."""
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """It is gone; what came before can still be read."""
        self._ended = True
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._wake()
        self._forget(self)

    # --- our side -------------------------------------------------------------------------------

    @property
    def reusable(self) -> bool:
        """Whether another exchange may follow."""
        return self._decoder.done and not self._ended and not self._blocks

    async def send(self, request: bytes) -> Head:
        """Send a request, read the head of the answer; raises `Broken`, `Malformed`."""
        self.answered = False
        if self._transport is None or self._ended:
            raise Broken
        self._decoder = UntilClosed()
        self._transport.write(request)
        head = b""
        while (end := head.find(b"\r\n\r\n")) < 0:
            block = await self._receive()
            if not block:
                raise Broken
            self.answered = True
            if len(head) > _LONGEST_HEAD:
                raise Malformed("a head without an end")
            head += block
        if end + 4 < len(head):
            self._blocks.insert(0, head[end + 4 :])
            self._held += len(head) - end - 4
        answer = _parse(head[:end])
        self._decoder = answer.decoder()
        return answer

    async def read(self) -> bytes:
        """Body bytes as they come, many at once; empty at the end of the body.

        Raises:
            Broken: the connection ended first.
            Malformed: the body is not what it says it is.
        """
        while not self._decoder.done:
            block = await self._receive()
            if not block:
                if isinstance(self._decoder, UntilClosed):
                    return b""
                raise Broken
            if body := self._decoder.feed(block):
                return body
        return b""

    def rest_between_blocks(self) -> None:
        """From now on this is a stream: trade milliseconds for fewer, fuller blocks."""
        self._rests = True

    def abort(self) -> None:
        """Close now; the other side notices and ends what it was doing for us."""
        self._ended = True
        self._wake()
        if self._transport is not None:
            self._transport.abort()

    async def _receive(self) -> bytes:
        while not self._blocks and not self._ended:
            self._resume()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        blocks, self._blocks, self._held = self._blocks, [], 0
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _pause(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _rested(self) -> None:
        self._resting = None
        if self._held < HIGH_WATER:
            self._resume()

    def _resume(self) -> None:
        if not self._paused or self._resting is not None or self._transport is None:
            return
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()


def _parse(head: bytes) -> Head:
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise Malformed("not HTTP")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Head(int(code), headers)
