"""autobahn, told what it must know before anything of it is imported; the only import of it.

Without `AUTOBAHN_USE_NVX=0` it opens a C file beside its module, which a frozen executable has not.
The package `autobahn.asyncio` is avoided: with it come raw sockets, and cryptography at the first
TLS connection. `hyperlink` is kept out (7 ms and 0.7 MB with its tables): autobahn takes URLs apart
with it in its server's handshake alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Protocol

os.environ.setdefault("AUTOBAHN_USE_NVX", "0")

import txaio

txaio.use_asyncio()  # type: ignore[no-untyped-call]


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Let imports within find an empty module; who imports it later gets the real one."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]


with _without("hyperlink"):
    from autobahn.websocket.protocol import WebSocketClientFactory, WebSocketClientProtocol

from autobahn.wamp import message, role  # noqa: E402
from autobahn.wamp.exception import ProtocolError  # noqa: E402

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
