"""A name server of a few lines, for resolvers that must not need more: UDP, A and AAAA."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

A, AAAA = 1, 28
_NO_ERROR, _NO_SUCH_NAME = 0, 3
# Response, recursion wanted and available.
_FLAGS = 0x8180


class NameServer(asyncio.DatagramProtocol):
    """Knows what it is told, and says that there is no other name.

    Attributes:
        names: the addresses of each name, both families.
        asked: name and type of each question so far.
        mute: hears, and says nothing.
    """

    def __init__(self, address: str, names: dict[str, list[str]]) -> None:
        self.address = address
        self.names = names
        self.asked: list[tuple[str, int]] = []
        self.mute = False
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        labels, end = [], 12
        while size := data[end]:
            labels.append(data[end + 1 : end + 1 + size].decode("ascii").lower())
            end += 1 + size
        question, kind = data[12 : end + 5], int.from_bytes(data[end + 1 : end + 3], "big")
        name = ".".join(labels)
        self.asked.append((name, kind))
        if self.transport is None or self.mute:
            return
        found = [ipaddress.ip_address(each) for each in self.names.get(name, [])]
        records = [each.packed for each in found if each.version == (4 if kind == A else 6)]
        code = _NO_ERROR if name in self.names else _NO_SUCH_NAME
        head = b"".join(
            number.to_bytes(2, "big") for number in (_FLAGS | code, 1, len(records), 0, 0)
        )
        body = b"".join(
            b"\xc0\x0c"  # the name of the question
            + b"".join(number.to_bytes(2, "big") for number in (kind, 1, 0, 60, len(record)))
            + record
            for record in records
        )
        self.transport.sendto(data[:2] + head + question + body, addr)


@asynccontextmanager
async def name_server(names: dict[str, list[str]]) -> AsyncIterator[NameServer]:
    """One on the port that resolvers ask, on a loopback address of its own. Takes root."""
    address = f"127.53.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(address, names), local_addr=(address, 53)
    )
    server.transport = transport
    try:
        yield server
    finally:
        transport.close()


@asynccontextmanager
async def doorway(
    host: str, port: int, secured: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A port of an address that leads to one of 127.0.0.1; encrypted up to the door."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        source, sink = await asyncio.open_connection("127.0.0.1", port)

        async def pour(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            while data := await one.read(65536):
                other.write(data)
            other.close()

        try:
            await asyncio.gather(pour(reader, sink), pour(source, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass  # it ends with the door
        finally:
            writer.transport.abort()
            sink.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=secured)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()
