# ruff: noqa: ARG002, FBT001, FBT002, N802, N803, PLR0917 - names and signatures are autobahn's
"""A WebSocket that carries `wamp.2.json`: autobahn's protocol, driven by asyncio.

autobahn decides what bytes mean; this file moves them. Two hot paths are ours because autobahn's
pure Python goes byte by byte there: masking what is sent, and checking UTF-8 of what is received
(JSON decoding checks it anyway).
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
from collections.abc import Callable
from typing import Protocol

from reagent import log
from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.wamp.library import WebSocketClientFactory, WebSocketClientProtocol
from reagent.errors import CallFailed, DialFailed, NotConnected

_log = log.get(__name__)
_library_log = logging.getLogger("autobahn.websocket")

SUBPROTOCOL = "wamp.2.json"
# The router drops the connection over a larger frame (docs/contract/wamp.md 9.5).
MESSAGE_LIMIT = 16 * 1024 * 1024
_NORMAL = 1000
_TEXT = 1


class Receiver(Protocol):
    """Who is told what comes over the wire. Called on the loop, must not block."""

    def received(self, payload: bytes) -> None:
        """One whole message."""
        ...

    def ponged(self, payload: bytes) -> None:
        """The answer to a ping."""
        ...

    def lost(self, code: int | None, reason: str) -> None:
        """The connection is gone; called once.

        Args:
            code: the close code of the peer, 1006 when there was none.
            reason: for humans.
        """
        ...


def frame(opcode: int, payload: bytes, key: bytes) -> bytes:
    """One unfragmented client frame, masked with `key` (RFC 6455, 5.2)."""
    size = len(payload)
    if size <= 125:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size <= 0xFFFF:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    stream = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(stream, "little")
    return head + key + masked.to_bytes(size, "little")


class _Said:
    """What autobahn says as it goes: for -debugMessaging.

    Never at a higher level: every end has a reason, and the receiver is told that. Its lowest level
    is left out, for it would print whole messages.
    """

    def trace(self, *_args: object, **_fields: object) -> None:
        """Whole messages."""

    def debug(self, text: str = "", **fields: object) -> None:
        """One line."""
        if _library_log.isEnabledFor(logging.DEBUG):
            _library_log.debug("%s", text.format(**fields) if fields else text)

    info = warn = error = critical = debug


class Wire(WebSocketClientProtocol, asyncio.Protocol):
    """One connection.

    Attributes:
        opened: done when the upgrade is; fails with `DialFailed` when the connection ends before.
    """

    is_server = False
    peer = "the router"
    log = _Said()

    def __init__(self, endpoint: Endpoint, receiver: Receiver) -> None:
        super().__init__()
        self.factory = _settings(endpoint)
        self._host = (_host_line(endpoint.authority), _host_line(endpoint.named))
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._receiver = receiver
        self._writable = asyncio.Event()
        self._writable.set()
        self._over = asyncio.Event()
        self._lost_because = ""

    # What the session asks for.

    def send(self, payload: bytes) -> None:
        """Send one message.

        Raises:
            NotConnected: the connection is not open.
            CallFailed: the message is larger than the router takes.
        """
        if len(payload) > MESSAGE_LIMIT:
            raise CallFailed(f"a message of {len(payload)} bytes is larger than the router takes")
        if self.state != self.STATE_OPEN:
            raise NotConnected
        self.sendFrame(_TEXT, payload)

    async def drained(self) -> None:
        """Wait until the peer took enough of what was sent for more to be welcome."""
        await self._writable.wait()

    def ping(self, payload: bytes) -> None:
        """Send a ping; nothing when the connection is not open."""
        self.sendPing(payload)

    async def close(self) -> None:
        """Close with code 1000 and wait until the connection is gone; the caller sets the bound."""
        if self.state == self.STATE_OPEN:
            self.sendClose(_NORMAL)
        await self._over.wait()

    def abort(self) -> None:
        """Drop the connection; nothing more is sent."""
        if self.transport is not None:
            self.transport.abort()

    # What asyncio tells.

    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP, and TLS where wanted, are up: ask for the upgrade."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            self._connectionMade()  # type: ignore[no-untyped-call]

    def data_received(self, data: bytes) -> None:
        """Bytes; what autobahn cannot live with ends the connection."""
        try:
            self._dataReceived(data)
        except Exception as error:  # noqa: BLE001 - a wire that raises here would hang, not end
            _log.exception("unusable data from the router", error=error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, from whichever side."""
        self._lost_because = str(exc) if exc else ""
        self._writable.set()
        self._connectionLost(exc)  # type: ignore[no-untyped-call]
        self.transport = None
        self._over.set()

    def pause_writing(self) -> None:
        """The peer is slower than we are."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The peer caught up."""
        self._writable.set()

    # What autobahn asks of its surroundings. Names are autobahn's.

    def sendFrame(
        self,
        opcode: int,
        payload: bytes = b"",
        fin: bool = True,
        rsv: int = 0,
        mask: bytes | None = None,
        payload_len: int | None = None,
        chopsize: int | None = None,
        sync: bool = False,
    ) -> None:
        """Frame, mask and write. Nothing is ever sent in fragments."""
        if self.transport is not None:
            key = random.getrandbits(32).to_bytes(4, "big")  # no secret: it keeps proxies honest
            self.transport.write(frame(opcode, payload, key))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """The upgrade request. autobahn names every port, which not every front door likes."""
        if self.transport is not None:
            self.transport.write(data.replace(*self._host, 1))

    def _closeConnection(self, abort: bool = False) -> None:
        if self.transport is not None:
            if abort:
                self.transport.abort()
            else:
                self.transport.close()

    def unregisterProducer(self) -> None:
        """A word of another framework."""

    def _onConnect(self, response: object) -> None:
        if self.websocket_protocol_in_use != SUBPROTOCOL:
            raise DialFailed(f"the server does not speak {SUBPROTOCOL}")

    def _onOpen(self) -> None:
        if not self.opened.done():
            self.opened.set_result(None)

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        """The peer's word to close, or its answer to ours: answer, then do not wait for it."""
        done = super().onCloseFrame(code, reasonRaw)  # type: ignore[arg-type]
        self._closeConnection()
        return done

    def _onMessageBegin(self, is_binary: bool) -> None:
        self.onMessageBegin(is_binary)

    def _onMessageFrameBegin(self, length: int) -> None:
        self.onMessageFrameBegin(length)

    def _onMessageFrameData(self, payload: bytes) -> None:
        self.onMessageFrameData(payload)

    def _onMessageFrameEnd(self) -> None:
        self.onMessageFrameEnd()

    def _onMessageFrame(self, payload: list[bytes]) -> None:
        if not self.failedByMe:
            self.message_data.extend(payload)

    def _onMessageEnd(self) -> None:
        parts, self.message_data = self.message_data, []
        if not self.failedByMe:
            self._receiver.received(b"".join(parts))

    def _onPing(self, payload: bytes) -> None:
        self.sendPong(payload)  # type: ignore[no-untyped-call]

    def _onPong(self, payload: bytes) -> None:
        self._receiver.ponged(payload)

    def _onClose(self, was_clean: bool, code: int | None, reason: str | None) -> None:
        because = self._lost_because or self.wasNotCleanReason or reason or "it was closed"
        if not self.opened.done():
            self.opened.set_exception(DialFailed(because))
            # A dial that was given up does not look any more.
            self.opened.exception()
            return
        self._receiver.lost(code, because)


def _host_line(name: str) -> bytes:
    return f"\r\nHost: {name}\r\n".encode()


def _settings(endpoint: Endpoint) -> WebSocketClientFactory:
    make: Callable[..., WebSocketClientFactory] = WebSocketClientFactory
    settings = make(protocols=[SUBPROTOCOL], useragent="reagent")
    settings.host = endpoint.bracketed
    settings.port = endpoint.port
    settings.resource = endpoint.resource
    settings.isSecure = endpoint.secure
    settings.utf8validateIncoming = False
    settings.maxMessagePayloadSize = MESSAGE_LIMIT
    # Bounds are set by who dials and who leaves, in one place each.
    settings.openHandshakeTimeout = 0
    settings.closeHandshakeTimeout = 0
    settings.serverConnectionDropTimeout = 0
    return settings
