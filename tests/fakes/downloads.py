"""A bucket in memory: what lies at a URL, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reagent.contracts.downloads import LARGEST_FILE, Block, Part
from reagent.errors import CertificateDate, DownloadFailed, NotThere, TooLong

PIECE = 64


class FakeDownload:
    """Implements `contracts.downloads.Download`."""

    def __init__(self, bucket: FakeDownloads, url: str, content: bytes, part: Part | None) -> None:
        self._bucket = bucket
        self._url = url
        self._content = content
        self.length = len(content)
        self.mark = f'"{hashlib.md5(content).hexdigest()}"' if bucket.marks else ""
        known = part is not None and (part.mark, part.length) == (self.mark, self.length)
        self.begins = part.size if part is not None and known else 0

    async def blocks(self) -> AsyncIterator[Block]:
        async for block in self._from(self.begins):
            yield block

    async def _from(self, begin: int) -> AsyncIterator[Block]:
        breaks_at = self._bucket.breaks.get(self._url)
        restarts_at = self._bucket.restarts.pop(self._url, None)
        for offset in range(begin, self.length, PIECE):
            await self._bucket.gate.wait()
            if breaks_at is not None and offset >= breaks_at:
                raise DownloadFailed(f"{self._url}: the connection ended early")
            content = self._content[offset : offset + PIECE]
            self._bucket.sent[self._url] = self._bucket.sent.get(self._url, 0) + len(content)
            yield Block(offset, content)
            if restarts_at is not None and offset >= restarts_at:
                async for block in self._from(0):
                    yield block
                return


class FakeDownloads:
    """Implements `contracts.downloads.Downloads`, and writes down what was asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failures: dict[str, DownloadFailed] = {}
        self.breaks: dict[str, int] = {}
        self.restarts: dict[str, int] = {}
        self.asked: list[str] = []
        self.sent: dict[str, int] = {}
        self.marks = True
        self.gate = asyncio.Event()
        self.gate.set()

    # What a test does.

    def put(self, url: str, content: bytes) -> None:
        """It lies there from now on."""
        self.objects[url] = content
        self.failures.pop(url, None)

    def lose(self, url: str) -> None:
        """Nothing lies there any more."""
        self.objects.pop(url, None)

    def fail(self, url: str, text: str = "nobody listens") -> None:
        """Asking for it fails until something is put there."""
        self.failures[url] = DownloadFailed(f"{url}: {text}")

    def expire(self, url: str) -> None:
        """The certificate of whoever serves it is not valid now."""
        self.failures[url] = CertificateDate(f"{url}: certificate has expired")

    def break_at(self, url: str, offset: int) -> None:
        """A file ends there, before its end."""
        self.breaks[url] = offset

    def mend(self, url: str) -> None:
        """It breaks no more."""
        self.breaks.pop(url, None)

    def start_over_at(self, url: str, offset: int) -> None:
        """The next download of a file begins again once it came so far."""
        self.restarts[url] = offset

    def hold(self) -> None:
        """No block arrives until `go_on`."""
        self.gate.clear()

    def go_on(self) -> None:
        """Blocks arrive."""
        self.gate.set()

    # The contract.

    async def document(self, url: str, *, most: int, within: float = 10.0) -> bytes:
        content = self._content(url)
        await asyncio.sleep(0)
        if len(content) > most:
            raise TooLong(f"{url} has more than {most} bytes")
        return content

    @asynccontextmanager
    async def file(
        self, url: str, *, most: int = LARGEST_FILE, part: Part | None = None
    ) -> AsyncIterator[FakeDownload]:
        content = self._content(url)
        await asyncio.sleep(0)
        if not content:
            raise DownloadFailed(f"{url} is empty")
        if len(content) > most:
            raise TooLong(f"{url} has {len(content)} bytes, more than {most}")
        yield FakeDownload(self, url, content, part)

    def _content(self, url: str) -> bytes:
        self.asked.append(url)
        if url in self.failures:
            raise self.failures[url]
        if url not in self.objects:
            raise NotThere(f"{url} answers 404, not 200")
        return self.objects[url]
