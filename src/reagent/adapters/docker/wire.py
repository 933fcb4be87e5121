"""The engine's HTTP interface on the event loop: whole answers and streams.

Small on purpose: this is what a device without apps ever needs, and what streams need that must
end when a task is cancelled. Every exchange finds the engine anew, so one that comes up later, or
comes back as another version, is simply there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote, urlencode

from reagent.adapters.docker.address import Address
from reagent.adapters.docker.errors import Refusal, unavailable
from reagent.adapters.http.chunks import Malformed
from reagent.adapters.http.connection import Broken, Connection, Head
from reagent.errors import EngineFailed, EngineUnavailable

# What our reading of the answers was written for; an older engine is spoken to in its own version.
NEWEST_API = (1, 51)
LONGEST_BODY = 32 * 1024 * 1024
_IDLE_CONNECTIONS = 2

Query = Mapping[str, str]


class Wire:
    """Speaks to one engine. Nothing is connected before the first request."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._version = ""
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []

    async def version(self) -> str:
        """The API version both sides speak, such as `1.41`; asked for once per engine.

        Raises:
            EngineUnavailable: nobody answers within 2 s.
        """
        return self._version or await self.ping()

    async def ping(self, within: float = 2.0) -> str:
        """Ask whether the engine is there; returns the API version both sides speak."""
        head, _ = await self._exchange("GET", "/_ping", within=within)
        self._version = _negotiated(head.headers.get("api-version", ""))
        return self._version

    async def get(self, *segments: str, query: Query | None = None, within: float = 30.0) -> object:
        """GET a JSON document.

        Args:
            segments: of the path, unquoted.
            query: parameters.
            within: seconds for everything.

        Raises:
            Refusal: the engine says no.
            EngineUnavailable: it does not answer in time, or not to the end.
            EngineFailed: its answer cannot be read.
        """
        return await self._document("GET", segments, query, within)

    async def post(
        self, *segments: str, query: Query | None = None, within: float = 30.0
    ) -> object:
        """POST nothing, and read the JSON document that comes; all else as `get`.

        For what may be asked twice: a connection that turns out to be stale is tried again.
        """
        return await self._document("POST", segments, query, within)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        *segments: str,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        within: float = 30.0,
    ) -> AsyncIterator[Stream]:
        """Open an answer that goes on; leaving the context ends it at the engine too.

        `within` bounds the wait for the answer's head. Raises as `get` does.
        """
        request = _request(method, await self._path(segments, query), headers or {})
        connection: Connection | None = None
        try:
            async with self._bounded(within):
                connection = await self._connect()
                head = await self._send(connection, request)
                if head.status >= 300:
                    raise Refusal(head.status, _text(await _whole(connection)))
            connection.rest_between_blocks()
            yield Stream(connection, self.address.text)
        finally:
            if connection is not None:
                connection.abort()

    def close(self) -> None:
        """End every stream and connection."""
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()

    async def _document(
        self, method: str, segments: tuple[str, ...], query: Query | None, within: float
    ) -> object:
        path = await self._path(segments, query)
        _, body = await self._exchange(method, path, within=within)
        try:
            answer: object = json.loads(body)
        except ValueError as error:
            raise EngineFailed(f"the Docker engine's answer to {path} is not JSON") from error
        return answer

    async def _path(self, segments: tuple[str, ...], query: Query | None) -> str:
        parts = "/".join(quote(segment, safe="/:@") for segment in segments)
        tail = f"?{urlencode(query)}" if query else ""
        return f"/v{await self.version()}/{parts}{tail}"

    async def _exchange(self, method: str, path: str, *, within: float) -> tuple[Head, bytes]:
        request = _request(method, path, {})
        async with self._bounded(within):
            while self._idle:
                # The engine may have gone since; only then the request is safe to repeat.
                connection = self._idle.pop()
                with suppress(_Stale):
                    return await self._ask(connection, request)
            return await self._ask(await self._connect(), request)

    async def _ask(self, connection: Connection, request: bytes) -> tuple[Head, bytes]:
        try:
            head = await self._send(connection, request)
            body = await _whole(connection)
        except BaseException:
            connection.abort()
            raise
        if connection.reusable and len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.abort()
        if head.status >= 300:
            raise Refusal(head.status, _text(body))
        return head, body

    async def _send(self, connection: Connection, request: bytes) -> Head:
        try:
            return await connection.send(request)
        except Broken as error:
            if connection.answered:
                raise
            raise _Stale from error

    async def _connect(self) -> Connection:
        connection = await self.address.connect(lambda: Connection(self._forget))
        self._open.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)

    @asynccontextmanager
    async def _bounded(self, within: float) -> AsyncIterator[None]:
        """Bound an exchange; what breaks it means that the engine is not there."""
        try:
            async with asyncio.timeout(within):
                yield
        except TimeoutError as error:
            self._version = ""
            raise unavailable(self.address.text, f"nothing within {within:g} s") from error
        except (OSError, ValueError) as error:
            self._version = ""
            raise unavailable(self.address.text, _reason(error)) from error
        except Broken as error:
            self._version = ""
            raise unavailable(self.address.text, "the connection ended") from error
        except Malformed as error:
            raise EngineFailed(f"what answers at {self.address.text}: {error}") from error


class Stream:
    """The body of an answer that goes on."""

    def __init__(self, connection: Connection, address: str) -> None:
        self._connection = connection
        self._address = address

    async def read(self) -> bytes:
        """The next bytes, empty at the proper end.

        Raises:
            EngineUnavailable: the engine went away in the middle.
            EngineFailed: what came cannot be read.
        """
        try:
            return await self._connection.read()
        except Broken as error:
            raise EngineUnavailable(f"the Docker engine at {self._address} went away") from error
        except Malformed as error:
            raise EngineFailed(f"what answers at {self._address}: {error}") from error


class _Stale(Broken):
    """An idle connection turned out to be dead before anything came."""


async def _whole(connection: Connection) -> bytes:
    blocks = []
    size = 0
    while block := await connection.read():
        blocks.append(block)
        size += len(block)
        if size > LONGEST_BODY:
            raise Malformed(f"an answer of more than {LONGEST_BODY} bytes")
    return b"".join(blocks)


def _request(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: docker", "User-Agent: reagent"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method == "POST":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _negotiated(theirs: str) -> str:
    major, _, minor = theirs.partition(".")
    if not (major.isdigit() and minor.isdigit()):
        return "1.24"  # the first engines that say their version say at least this one
    return "{}.{}".format(*min((int(major), int(minor)), NEWEST_API))


def _text(body: bytes) -> str:
    """The engine's own words out of an error answer."""
    with suppress(ValueError):
        answer = json.loads(body)
        if isinstance(answer, dict) and isinstance(answer.get("message"), str):
            return str(answer["message"])
    return body.decode("utf-8", "replace").strip() or "the Docker engine gave no reason"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
