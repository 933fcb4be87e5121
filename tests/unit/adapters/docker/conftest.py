"""An engine of a few words: a Unix socket that answers requests from a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

PING = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"


class Words:
    """A server on a Unix socket. `answers` are given in order, one a request.

    An answer is the bytes to send. What follows it decides about the connection: kept open, unless
    the answer is in `closing`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[str] = []
        self.headers: list[str] = []
        self.connections = 0
        self.hung_up = asyncio.Event()
        self.answers: list[bytes | Callable[[asyncio.StreamWriter], object]] = []
        self.closing = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    def drop_connections(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    def answer(self, *answers: bytes) -> None:
        self.answers.extend(answers)

    def answer_json(self, document: object, status: str = "200 OK") -> None:
        body = json.dumps(document).encode()
        self.answers.append(head(status, len(body)) + body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            with suppress(asyncio.CancelledError, ConnectionError):
                await self._talk(reader, writer)
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                self.hung_up.set()
                return
            line, _, rest = request.decode().partition("\r\n")
            self.requests.append(line.removesuffix(" HTTP/1.1"))
            self.headers.append(rest)
            if line.startswith("GET /_ping "):
                writer.write(PING)
                continue
            if not self.answers:
                continue
            answer = self.answers.pop(0)
            if callable(answer):
                answer(writer)
            else:
                writer.write(answer)
            if self.closing:
                await writer.drain()
                return


def head(status: str = "200 OK", length: int | None = None) -> bytes:
    body = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{body}\r\n\r\n".encode()


def chunks(parts: Sequence[bytes], *, end: bool = True) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return body + (b"0\r\n\r\n" if end else b"")


@pytest.fixture
async def words(tmp_path: Path) -> AsyncIterator[Words]:
    server = Words(tmp_path / "s")
    await server.start()
    yield server
    await server.stop()
