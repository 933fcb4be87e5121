"""A file on its way over HTTP.

One that breaks off goes on where it stopped, if the server named it by a strong ETag and serves
ranges; so does one of which an earlier process had a part. Else it starts over, once: the end of
another file must never be put behind this one's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from reagent import log
from reagent.adapters.http.connection import Head
from reagent.adapters.http.exchange import STEP_S, Exchange, Network, Stopped
from reagent.adapters.http.pace import Pace
from reagent.contracts.downloads import Block, Part
from reagent.errors import DownloadFailed, TooSlow

_log = log.get(__name__)

BLOCK: Final = 256 * 1024
# Even a bad line has only some breaks in twenty megabytes; one with more than these is none.
MOST_BREAKS: Final = 8
# Connections in a row that were made and brought nothing.
MOST_BARREN: Final = 2
LONGEST_S: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things may take, in seconds.

    Attributes:
        step: each of TCP, proxy and TLS, head.
        silence: without a byte, or with fewer than `pace.LEAST` of them; twice as long without one
            ends it, whatever was tried meanwhile.
        pause: before a broken connection is made again; twice as long every time without success.
    """

    step: float = STEP_S
    silence: float = 30.0
    pause: float = 1.0


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer whose head says which file comes, and from where on.

    Attributes:
        length: of the whole file.
        etag: a strong one, or empty.
        offset: of the first byte that comes.
    """

    exchange: Exchange
    length: int
    etag: str
    offset: int = 0

    @classmethod
    def whole(cls, exchange: Exchange, length: int) -> Begun:
        """A file from its beginning."""
        return cls(exchange, length, _strong(exchange.head))

    @classmethod
    def behind(cls, part: Part, exchange: Exchange) -> Begun | None:
        """A file behind a part of it; None where that is not what comes."""
        if not goes_on(exchange.head, part):
            return None
        return cls(exchange, part.length, part.mark, part.size)


class HttpDownload:
    """Implements `contracts.downloads.Download`."""

    def __init__(self, network: Network, url: str, begun: Begun, patience: Patience) -> None:
        self._network = network
        self._url = url
        self._exchange = begun.exchange
        self._shown = begun.exchange.target.shown
        self._length = begun.length
        self._begins = begun.offset
        self._patience = patience
        self._etag = begun.etag
        self._pace = Pace(patience.silence, LONGEST_S)
        self._started_over = False
        self._pause = patience.pause
        self._last_byte = 0.0
        self._stopped_at = -1
        self._barren = 0
        self._breaks = 0

    @property
    def length(self) -> int:
        """Its size in bytes."""
        return self._length

    @property
    def begins(self) -> int:
        """Where its first block belongs."""
        return self._begins

    @property
    def mark(self) -> str:
        """Its strong ETag, where it has one."""
        return self._etag

    def close(self) -> None:
        """Hang up."""
        self._exchange.close()

    async def blocks(self) -> AsyncIterator[Block]:
        """See the contract."""
        loop = asyncio.get_running_loop()
        arrived = self._begins
        while arrived < self._length:
            broke: Stopped | None = None
            pieces: list[bytes] = []
            size = 0
            try:
                while size < BLOCK and arrived + size < self._length:
                    piece = await self._read()
                    pieces.append(piece)
                    size += len(piece)
            except Stopped as error:
                broke = error
            if pieces:
                left = loop.time()
                yield Block(arrived, b"".join(pieces))
                # Whoever writes to a slow disk or keeps to a rate is no silent server.
                self._last_byte += loop.time() - left
                arrived += size
            if broke is not None:
                arrived = await self._resume(arrived, broke)

    async def _resume(self, arrived: int, broke: Stopped) -> int:
        """Have the connection again; returns the offset that comes next.

        Raises:
            DownloadFailed: nothing came for too long, or it breaks too often.
        """
        if arrived == self._stopped_at:
            self._barren += 1
        else:
            self._stopped_at, self._barren, self._pause = arrived, 0, self._patience.pause
        self._breaks += 1
        while True:
            quiet = asyncio.get_running_loop().time() - self._last_byte
            if (
                self._barren >= MOST_BARREN
                or self._breaks > MOST_BREAKS
                or quiet >= 2 * self._patience.silence
                or (self._started_over and not self._etag)
            ):
                raise self._given_up(arrived, broke)
            _log.info("download interrupted", url=self._shown, error=broke, arrived=arrived)
            await asyncio.sleep(self._pause)
            self._pause *= 2
            try:
                return await self._go_on(arrived, broke)
            except Stopped as error:
                broke = error

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        since = loop.time()
        self._last_byte = self._last_byte or since
        piece = await self._exchange.read(self._patience.silence)
        if not piece:
            raise Stopped(f"{self._shown}: the connection ended early")
        self._last_byte = loop.time()
        if not self._pace.keeps_up(len(piece), self._last_byte - since):
            raise TooSlow(f"{self._shown} comes too slowly to be waited for")
        return piece

    async def _go_on(self, arrived: int, broke: Stopped) -> int:
        """Ask for the rest; returns the offset that comes next.

        Raises:
            DownloadFailed: it is another file now, or comes from the start once too often.
        """
        part = Part(arrived, self._length, self._etag)
        self._exchange.close()
        self._exchange = await self._network.get(self._url, asking_for(part) if part.mark else {})
        head = self._exchange.head
        if head.status == 206 and part.mark:
            if goes_on(head, part):
                return arrived
            raise DownloadFailed(f"{self._shown} does not go on where it stopped")
        if head.status != 200:
            raise DownloadFailed(f"{self._shown} answers {head.status}, not 200")
        if length_of(self._exchange) != self._length or _strong(head) != self._etag:
            raise DownloadFailed(f"{self._shown} changed while it was fetched")
        if self._started_over:
            raise self._given_up(arrived, broke)
        self._started_over = True
        return 0

    def _given_up(self, arrived: int, broke: Stopped) -> DownloadFailed:
        failed = DownloadFailed(f"{broke}; {arrived} of {self._length} bytes came")
        failed.__cause__ = broke
        return failed


def asking_for(part: Part) -> dict[str, str]:
    """The headers of a request for what is behind it, or for all of another file."""
    return {"Range": f"bytes={part.size}-", "If-Range": part.mark}


def goes_on(head: Head, part: Part) -> bool:
    """Whether an answer is exactly what is behind it."""
    wanted = f"bytes {part.size}-{part.length - 1}/{part.length}"
    came = head.headers.get("content-range")
    return head.status == 206 and came == wanted and _strong(head) in {"", part.mark}


def length_of(exchange: Exchange) -> int:
    """The length that the server says, of exactly the bytes that come.

    Raises:
        DownloadFailed: it says none, or sends something encoded.
    """
    headers = exchange.head.headers
    text = headers.get("content-length", "")
    coding = headers.get("transfer-encoding") or headers.get("content-encoding", "identity")
    if coding != "identity" or not (text.isascii() and text.isdigit()):
        kind = headers.get("content-type") or "of no type"
        raise DownloadFailed(f"{exchange.target.shown} says no length; it is {kind}")
    return int(text)


def _strong(head: Head) -> str:
    etag = head.headers.get("etag", "")
    return etag if etag.startswith('"') and etag.isascii() else ""
