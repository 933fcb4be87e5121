"""One GET: proxy, TLS, redirects, and the head of the answer, each within its time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from reagent import log
from reagent.adapters.http.chunks import Malformed
from reagent.adapters.http.connection import Broken, Connection, Head
from reagent.adapters.http.target import Target
from reagent.adapters.net import addresses, tls
from reagent.adapters.net.dial import attach
from reagent.adapters.net.proxies import proxy_for
from reagent.errors import CertificateDate, DialFailed, DownloadFailed

_log = log.get(__name__)

# For each of the three: TCP, then proxy and TLS, then the head (docs/contract/system.md 4.5).
STEP_S: Final = 10.0
MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Exchange:
    """A request that was answered; closed by `close`.

    Attributes:
        target: what answered in the end.
        head: status and headers.
    """

    def __init__(self, target: Target, head: Head, connection: Connection) -> None:
        self.target = target
        self.head = head
        self._connection = connection

    async def read(self, within: float) -> bytes:
        """More of the body, empty at its end.

        Raises:
            Stopped: nothing came for so many seconds, or the connection ended early.
            DownloadFailed: what came is no HTTP.
        """
        with translated(self.target, "more of it", within):
            async with asyncio.timeout(within):
                return await self._connection.read()

    def close(self) -> None:
        """Hang up."""
        self._connection.abort()


class CertificateRefused(DownloadFailed):
    """Whoever answers does not prove who it is."""


class CertificateOfAnotherTime(CertificateRefused, CertificateDate):
    """Nor would it at any time but another one."""


class Stopped(DownloadFailed):
    """The line ended or fell silent in the middle: going on may help."""


class Network:
    """Makes exchanges.

    Args:
        environment: where proxies and `SSL_CERT_FILE` are looked up.
        step: seconds for each of TCP, proxy and TLS, head.
        any_certificate: a server whose certificate is refused is asked all the same, and shown no
            credentials. What comes must be verified by other means.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        step: float = STEP_S,
        any_certificate: bool = False,
    ) -> None:
        self._environment = environment
        self._step = step
        self._any_certificate = any_certificate
        self._names = addresses.Names()

    async def get(self, url: str, headers: Mapping[str, str]) -> Exchange:
        """Ask, and follow redirects: within a scheme, or to an encrypted one.

        Raises:
            CertificateDate: the server's certificate is not valid now.
            DownloadFailed: no answer, or one that is no HTTP, or redirects without an end.
        """
        target = Target.of(url)
        for _ in range(MOST_REDIRECTS + 1):
            exchange = await self._ask_somehow(target, headers)
            if exchange.head.status not in _REDIRECTS:
                return exchange
            exchange.close()
            target = target.redirected(exchange.head.headers.get("location", ""))
        raise DownloadFailed(f"{url} redirects more than {MOST_REDIRECTS} times")

    async def _ask_somehow(self, target: Target, headers: Mapping[str, str]) -> Exchange:
        try:
            return await self._ask(target, headers, verified=True)
        except CertificateRefused as error:
            if not self._any_certificate:
                raise
            _log.info("asked all the same: what comes is signed", error=error)
        return await self._ask(replace(target, credentials=""), headers, verified=False)

    async def _ask(self, target: Target, headers: Mapping[str, str], *, verified: bool) -> Exchange:
        connection = Connection(lambda _: None)
        try:
            request = await self._connect(target, headers, connection, verified=verified)
            with translated(target, "answer", self._step):
                async with asyncio.timeout(self._step):
                    head = await connection.send(request)
        except BaseException:
            connection.abort()
            raise
        return Exchange(target, head, connection)

    async def _connect(
        self,
        target: Target,
        headers: Mapping[str, str],
        connection: Connection,
        *,
        verified: bool,
    ) -> bytes:
        """Connect; returns the request as whoever is at the other end wants it."""
        endpoint = target.endpoint
        with translated(target, "connection", self._step):
            proxy = proxy_for(endpoint, self._environment)
            context = await self._context(verified=verified) if endpoint.secure else None
            first = endpoint if proxy is None else proxy
            async with asyncio.timeout(self._step):
                sock = await addresses.connect(await self._names.addresses(first.host, first.port))
        # A proxy fetches what is not encrypted itself; it only connects us to the rest.
        through, fetching = (proxy, None) if endpoint.secure else (None, proxy)
        with translated(target, "encrypted connection", self._step):
            async with asyncio.timeout(self._step):
                await attach(sock, endpoint, connection, context=context, proxy=through)
        return target.request(headers, fetching)

    async def _context(self, *, verified: bool) -> ssl.SSLContext:
        # Made for each connection: some hundred authorities cost memory, and this is done rarely.
        if not verified:
            return tls.believing()
        try:
            return await asyncio.to_thread(tls.trusting, self._environment)
        except DialFailed as error:
            raise CertificateRefused(str(error)) from error


@contextmanager
def translated(target: Target, what: str, within: float) -> Iterator[None]:
    """Turn whatever breaks an exchange into an error that names the URL."""
    try:
        yield
    except TimeoutError as error:
        raise Stopped(f"{target.shown}: no {what} within {within:g} s") from error
    except Broken as error:
        raise Stopped(f"{target.shown}: the connection ended early") from error
    except ssl.SSLCertVerificationError as error:
        dated = error.verify_code in tls.DATES
        kind = CertificateOfAnotherTime if dated else CertificateRefused
        raise kind(f"{target.shown}: {tls.refusal(error)}") from error
    except (OSError, DialFailed) as error:
        raise Stopped(f"{target.shown}: {getattr(error, 'strerror', None) or error}") from error
    except (Malformed, ValueError) as error:
        raise DownloadFailed(f"{target.shown}: {error}") from error
