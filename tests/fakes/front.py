"""What stands between a device and a bucket of the sandbox: TLS, or a bad line."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.bucket import Bucket


class Line:
    """What may come over a connection, in bytes, before it falls silent; None: everything."""

    def __init__(self) -> None:
        self.most: int | None = None


@asynccontextmanager
async def in_front_of(
    bucket: Bucket, context: ssl.SSLContext | None, line: Line | None = None
) -> AsyncIterator[str]:
    """The same bucket, encrypted where there is a context; its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", bucket.port)
        try:
            most = line.most if line is not None else None
            await asyncio.gather(pour(reader, back), pour(there, writer, most))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            back.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        scheme = "https" if context is not None else "http"
        yield f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pour(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, most: int | None = None
) -> None:
    """All that comes, then the end of it; or so many bytes, then silence."""
    while data := await source.read(65536 if most is None else min(most, 65536)):
        sink.write(data)
        await sink.drain()
        most = None if most is None else most - len(data)
        if most == 0:
            await asyncio.Event().wait()
    sink.close()
