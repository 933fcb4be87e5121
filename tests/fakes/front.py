"""TLS in front of a bucket of the sandbox, which speaks plain HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.bucket import Bucket


@asynccontextmanager
async def in_front_of(bucket: Bucket, context: ssl.SSLContext) -> AsyncIterator[str]:
    """The same bucket, encrypted; its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", bucket.port)
        try:
            await asyncio.gather(pour(reader, back), pour(there, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            back.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """All that comes, then the end of it."""
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()
