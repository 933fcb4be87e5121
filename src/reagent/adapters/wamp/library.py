"""autobahn, told what it must know before anything of it is imported; the only import of it.

Without `AUTOBAHN_USE_NVX=0` it opens a C file beside its module, which a frozen executable has not.
The package `autobahn.asyncio` is avoided: with it come raw sockets, and cryptography at the first
TLS connection.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

os.environ.setdefault("AUTOBAHN_USE_NVX", "0")

import txaio

txaio.use_asyncio()  # type: ignore[no-untyped-call]

from autobahn.wamp import message, role  # noqa: E402
from autobahn.wamp.exception import ProtocolError  # noqa: E402
from autobahn.websocket.protocol import (  # noqa: E402
    WebSocketClientFactory,
    WebSocketClientProtocol,
)

__all__ = [
    "Message",
    "ProtocolError",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "make",
    "message",
    "role",
]


class Message(Protocol):
    """What all of autobahn's messages can do, and all that we ask of those we send."""

    def marshal(self) -> list[object]:
        """The list that goes over the wire."""
        ...


def make(kind: Callable[..., Message]) -> Callable[..., Message]:
    """A message class as a typed constructor: autobahn's have no types."""
    return kind
