"""A way to a server that can die without a word: bytes vanish, the connection stays.

Only its end gets through, so that a router does not hold the old session for ever.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Link:
    """Forwards TCP; `die` ends that for the connections that there are.

    With `stalls_after` a connection brings so many bytes back and then no more.
    """

    def __init__(self, url: str, *, stalls_after: int | None = None) -> None:
        self._target = urlsplit(url)
        self._stalls_after = stalls_after
        self._dead = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.connections = 0
        self.url = ""
        self.address = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.url = self._target._replace(netloc=self.address).geturl()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    def die(self) -> None:
        """Forward no byte of the connections there are; new ones work."""
        self._dead.set()
        self._dead = asyncio.Event()

    async def cut(self) -> None:
        """End every connection and take no new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def restore(self) -> None:
        """Take connections again, at the same address."""
        host, _, port = self.address.partition(":")
        self._server = await asyncio.start_server(self._serve, host, int(port))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        dead = self._dead
        ours: list[asyncio.StreamWriter] = [writer]
        try:
            source, sink = await asyncio.open_connection(self._target.hostname, self._target.port)
            ours.append(sink)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(reader, sink, dead))
                both.create_task(_pour(source, writer, dead, self._stalls_after))
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for each in ours:
                each.transport.abort()


async def _pour(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    dead: asyncio.Event,
    limit: int | None = None,
) -> None:
    poured = 0
    while data := await reader.read(65536):
        if dead.is_set() or (limit is not None and poured >= limit):
            continue
        writer.write(data)
        poured += len(data)
        await writer.drain()
    writer.close()
