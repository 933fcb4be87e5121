"""A proxy that is asked to connect us to somebody else."""

from __future__ import annotations

import asyncio
import base64
from typing import Final

from reagent.adapters.net.endpoint import Endpoint
from reagent.errors import DialFailed

_LONGEST_ANSWER: Final = 64 * 1024


def basic(credentials: str) -> str:
    """The header value for `user:password`; bytes that are no text go as they were given."""
    return f"Basic {base64.b64encode(credentials.encode('utf-8', 'surrogateescape')).decode()}"


class Tunnel(asyncio.Protocol):
    """Asks a proxy to CONNECT, and steps aside. The other side speaks only after us.

    Attributes:
        open: done when the proxy connected; fails with `DialFailed` when it refused.
    """

    def __init__(self, endpoint: Endpoint, credentials: str) -> None:
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lines = [f"CONNECT {endpoint.authority} HTTP/1.1", f"Host: {endpoint.authority}"]
        if credentials:
            lines.append(f"Proxy-Authorization: {basic(credentials)}")
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        if isinstance(transport, asyncio.Transport):
            transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """The answer, or a part of it."""
        self._answer += data
        head, found, _ = self._answer.partition(b"\r\n\r\n")
        if found:
            self._settle(head.split(b"\r\n", 1)[0])
        elif len(self._answer) > _LONGEST_ANSWER:
            self._fail("the proxy's answer has no end")

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy went away."""
        self._fail(f"the proxy closed the connection: {exc or 'without a word'}")

    def _settle(self, status_line: bytes) -> None:
        words = status_line.split(None, 2)
        if len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].startswith(b"2"):
            if not self.open.done():
                self.open.set_result(None)
            return
        self._fail(f"the proxy refused: {status_line.decode('ascii', 'replace')}")

    def _fail(self, text: str) -> None:
        if not self.open.done():
            self.open.set_exception(DialFailed(text))
            # A dial that was given up does not look any more.
            self.open.exception()
