"""A dial: TCP, proxy, TLS, upgrade, join (docs/contract/wamp.md 1.1, 1.4, 1.6)."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping

from reagent import log
from reagent.adapters.net import addresses, tls
from reagent.adapters.net.dial import attach
from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.net.proxies import proxy_for
from reagent.adapters.wamp import endpoint as endpoints
from reagent.adapters.wamp.line import Patience
from reagent.adapters.wamp.session import RouterSession
from reagent.adapters.wamp.wire import Wire
from reagent.errors import DialFailed
from reagent.model.device import Identity

_log = log.get(__name__)

DEFAULT_RESPONSE_S = 5.0
# A peer that vanished without a word is noticed after 20 s: by the kernel's probes while the line
# is quiet, by unacknowledged data while it is not.
DEAD_PEER_S = 20
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2}


class WampDialer:
    """Implements `contracts.messenger.Dialer`.

    Args:
        connection_timeout_ms: for TCP, TLS and the upgrade together; 0 sets no bound.
        response_timeout_ms: for every answer of the router itself; 0 means 5 s.
        ping_interval_ms: between keepalive pings; 0 sends none.
        environment: where `HTTP_PROXY` and its kin, and `SSL_CERT_FILE`, are looked up.
    """

    def __init__(
        self,
        *,
        connection_timeout_ms: int = 1250,
        response_timeout_ms: int = 5000,
        ping_interval_ms: int = 0,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._connection_timeout = connection_timeout_ms / 1000 or None
        response = response_timeout_ms / 1000 or DEFAULT_RESPONSE_S
        self._patience = Patience(response=response, ping=ping_interval_ms / 1000)
        self._environment = environment
        self._trusting: ssl.SSLContext | None = None
        self._warned: set[str] = set()
        self._names = addresses.Names()

    async def dial(self, identity: Identity) -> RouterSession:
        """Connect and join.

        Raises:
            AuthenticationRefused: the router does not accept the secret.
            DialFailed: anything else.
        """
        session = RouterSession(self._patience)
        bound = asyncio.timeout(self._connection_timeout)
        try:
            async with bound:
                wire = await self._open(identity, session)
        except TimeoutError as error:
            if not bound.expired():
                raise DialFailed(f"no connection: {error}") from error
            raise DialFailed(f"no connection within {self._connection_timeout:g} s") from error
        except ssl.SSLCertVerificationError as error:
            self._trusting = None  # the device's authorities may be newer by the next dial
            raise DialFailed(f"no connection: {tls.refusal(error)}") from error
        except OSError as error:  # ssl.SSLError and socket.gaierror are OSErrors
            raise DialFailed(f"no connection: {error}") from error
        session.attach(wire)
        try:
            await session.join(identity)
        except BaseException:
            session.abort()
            raise
        return session

    async def _open(self, identity: Identity, session: RouterSession) -> Wire:
        endpoint = endpoints.parse(identity.device_endpoint_url)
        context = self._context(endpoint, identity)
        proxy = proxy_for(endpoint, self._environment)
        wire = Wire(endpoint, session)
        try:
            first = endpoint if proxy is None else proxy
            sock = await self._reach(first.host, first.port)
            await attach(sock, endpoint, wire, context=context, proxy=proxy)
            await wire.opened
        except BaseException:
            wire.abort()
            raise
        return wire

    async def _reach(self, host: str, port: int) -> socket.socket:
        sock = await addresses.connect(await self._names.addresses(host, port))
        _watch(sock)
        return sock

    def _context(self, endpoint: Endpoint, identity: Identity) -> ssl.SSLContext | None:
        if not endpoint.secure:
            self._warn_once("the connection to the router is not encrypted")
            return None
        if endpoints.legacy_tls(identity.device_endpoint_url):
            self._warn_once("a legacy endpoint: the router's certificate is not verified")
            return tls.showing(identity.certificate, identity.private_key)
        if self._trusting is None:
            self._trusting = tls.trusting(self._environment)
        return self._trusting

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            _log.warning(text)


def _watch(sock: socket.socket) -> None:
    """Let the kernel notice a dead peer; what a platform does not know is left out."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {**_KEEPALIVE, "TCP_NODELAY": 1, "TCP_USER_TIMEOUT": DEAD_PEER_S * 1000}
    for name, value in options.items():
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
