from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from reagent.adapters.http.download import Patience
from reagent.adapters.http.downloads import HttpDownloads
from tests.fakes.authority import Authority

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Says exactly what a test wants, one answer for each connection; the last one for ever."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[str] = []
        self._answers: list[Answer] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/file"

    def header(self, name: str, of: int = -1) -> str:
        """A header of a request, empty where it was not sent."""
        for line in self.requests[of].split("\r\n"):
            key, _, value = line.partition(": ")
            if key.lower() == name:
                return value
        return ""

    def path(self, of: int = -1) -> str:
        return self.requests[of].split()[1]

    # What it answers.

    def sends(self, *pieces: bytes, every: float = 0.0, then_silent: bool = False) -> None:
        """These bytes, as they are; then it hangs up, or falls silent."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every)
            if then_silent:
                await reader.read()  # until the other side hangs up

        self._answers.append(answer)

    def answers(
        self, status: int, body: bytes = b"", *, silent: bool = False, **headers: str
    ) -> None:
        """A whole answer; its length is told unless the headers say another."""
        self.sends(head(status, len(body), **headers) + body, then_silent=silent)

    def redirects(self, location: str, status: int = 302) -> None:
        self.answers(status, location=location)

    async def gone(self) -> None:
        """Wait until nobody is connected any more."""
        async with asyncio.timeout(5):
            while self._tasks:
                await asyncio.wait(self._tasks)

    # Up and down.

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            with suppress(ConnectionError):
                writer.close()


def head(status: int, length: int | None, **headers: str) -> bytes:
    """Status line and headers; `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if length is not None and "content-length" not in named:
        named["content-length"] = str(length)
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{key}: {value}" for key, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def downloads() -> HttpDownloads:
    """Without a proxy, and impatient."""
    return HttpDownloads({}, Patience(step=0.3, silence=0.3, pause=0.01))
