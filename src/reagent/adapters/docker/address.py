"""Where the engine listens, and how to get a connection there."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

DEFAULT = (
    "npipe:////./pipe/docker_engine" if sys.platform == "win32" else "unix:///var/run/docker.sock"
)
# Both end in this machine, and are never encrypted.
_LOCAL = ("unix://", "npipe://")
_PLAIN_PORT = 2375
_TLS_PORT = 2376

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


@dataclass(frozen=True, slots=True)
class Address:
    """An engine's address, as DOCKER_HOST spells it.

    Attributes:
        text: `unix:///path`, `tcp://host:port`, or `npipe:////./pipe/name` on Windows.
        certificates: the folder with `ca.pem`, `cert.pem`, `key.pem`; empty: no TLS.
        verify: whether the engine's certificate is checked against `ca.pem`.
    """

    text: str
    certificates: str = ""
    verify: bool = True

    @property
    def is_local(self) -> bool:
        """Whether the engine shares our clock."""
        return self.text.startswith(_LOCAL)

    async def connect(self, factory: Callable[[], _P]) -> _P:
        """A connection with its protocol; raises OSError, ValueError for an address we cannot use.

        `ssl.SSLError` is an OSError.
        """
        loop = asyncio.get_running_loop()
        scheme, _, rest = self.text.partition("://")
        if scheme == "unix":
            _, protocol = await loop.create_unix_connection(factory, rest)
            return protocol
        if scheme == "npipe":
            return await _pipe(factory, rest)
        if scheme not in {"tcp", "http", "https"}:
            raise ValueError("only unix://, tcp:// and npipe:// are understood")
        secured = bool(self.certificates) or scheme == "https"
        host, port = _host_and_port(rest.rstrip("/"), _TLS_PORT if secured else _PLAIN_PORT)
        transport, protocol = await loop.create_connection(
            factory, host, port, ssl=self._tls() if secured else None
        )
        peer = transport.get_extra_info("socket")
        if peer is not None:  # a peer that vanished without a word must not hold a stream for ever
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return protocol

    def _tls(self) -> ssl.SSLContext:
        folder = Path(self.certificates)
        context = ssl.create_default_context(
            cafile=str(folder / "ca.pem") if self.certificates else None
        )
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificates:
            context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
        return context


def from_environment(text: str = "", environment: Mapping[str, str] = os.environ) -> Address:
    """`text`, else DOCKER_HOST, else the usual socket; TLS as the docker command line has it.

    DOCKER_TLS_VERIFY (not empty) switches checked TLS on, DOCKER_CERT_PATH names the folder; the
    latter alone means TLS without a check of the engine's name.
    """
    found = text or environment.get("DOCKER_HOST", "") or DEFAULT
    if found.startswith("/"):
        found = f"unix://{found}"
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    folder = environment.get("DOCKER_CERT_PATH", "")
    if verify and not folder:
        folder = str(Path(environment.get("HOME", "/root"), ".docker"))
    return Address(found, "" if found.startswith(_LOCAL) else folder, verify)


async def _pipe(factory: Callable[[], _P], path: str) -> _P:
    """A named pipe; `//./pipe/docker_engine` as DOCKER_HOST spells it."""
    if sys.platform == "win32":
        loop = asyncio.get_running_loop()
        if isinstance(loop, asyncio.ProactorEventLoop):
            name = path.replace("/", "\\")
            # Any protocol will do; its annotation knows one.
            _, protocol = await loop.create_pipe_connection(factory, name)  # type: ignore[arg-type]
            return protocol  # type: ignore[return-value]
    raise ValueError("npipe:// is understood on Windows alone")


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, ""
    return host.strip("[]"), int(port or default)
