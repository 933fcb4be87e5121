"""One GET: proxy, TLS, redirects, and the head of the answer, each within its time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from reagent.adapters.http.chunks import Malformed
from reagent.adapters.http.connection import Broken, Connection, Head
from reagent.adapters.http.target import Target
from reagent.adapters.net import addresses, tls
from reagent.adapters.net.dial import attach
from reagent.adapters.net.proxies import proxy_for
from reagent.errors import CertificateDate, DialFailed, DownloadFailed

# For each of the three: TCP, then proxy and TLS, then the head (docs/contract/system.md 4.5).
STEP_S: Final = 10.0
MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# OpenSSL's words for a certificate that is not valid yet, and for one that is not valid any more.
_DATES: Final = frozenset({9, 10})


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


class Stopped(DownloadFailed):
    """The line ended or fell silent in the middle: going on may help."""


class Network:
    """Makes exchanges.

    Args:
        environment: where proxies and `SSL_CERT_FILE` are looked up.
        step: seconds for each of TCP, proxy and TLS, head.
    """

    def __init__(self, environment: Mapping[str, str], *, step: float = STEP_S) -> None:
        self._environment = environment
        self._step = step
        self._names = addresses.Names()

    async def get(self, url: str, headers: Mapping[str, str]) -> Exchange:
        """Ask, and follow redirects: within a scheme, or to an encrypted one.

        Raises:
            CertificateDate: the server's certificate is not valid now.
            DownloadFailed: no answer, or one that is no HTTP, or redirects without an end.
        """
        target = Target.of(url)
        for _ in range(MOST_REDIRECTS + 1):
            exchange = await self._ask(target, headers)
            if exchange.head.status not in _REDIRECTS:
                return exchange
            exchange.close()
            target = target.redirected(exchange.head.headers.get("location", ""))
        raise DownloadFailed(f"{url} redirects more than {MOST_REDIRECTS} times")

    async def _ask(self, target: Target, headers: Mapping[str, str]) -> Exchange:
        connection = Connection(lambda _: None)
        try:
            request = await self._connect(target, headers, connection)
            with translated(target, "answer", self._step):
                async with asyncio.timeout(self._step):
                    head = await connection.send(request)
        except BaseException:
            connection.abort()
            raise
        return Exchange(target, head, connection)

    async def _connect(
        self, target: Target, headers: Mapping[str, str], connection: Connection
    ) -> bytes:
        """Connect; returns the request as whoever is at the other end wants it."""
        endpoint = target.endpoint
        with translated(target, "connection", self._step):
            proxy = proxy_for(endpoint, self._environment)
            context = await self._context(secure=endpoint.secure)
            first = endpoint if proxy is None else proxy
            async with asyncio.timeout(self._step):
                sock = await addresses.connect(await self._names.addresses(first.host, first.port))
        # A proxy fetches what is not encrypted itself; it only connects us to the rest.
        through, fetching = (proxy, None) if endpoint.secure else (None, proxy)
        with translated(target, "encrypted connection", self._step):
            async with asyncio.timeout(self._step):
                await attach(sock, endpoint, connection, context=context, proxy=through)
        return target.request(headers, fetching)

    async def _context(self, *, secure: bool) -> ssl.SSLContext | None:
        # Made for each connection: some hundred authorities cost memory, and this is done rarely.
        if not secure:
            return None
        return await asyncio.to_thread(tls.trusting, self._environment)


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
        kind = CertificateDate if error.verify_code in _DATES else DownloadFailed
        raise kind(f"{target.shown}: its certificate is refused: {error.verify_message}") from error
    except (OSError, DialFailed) as error:
        raise Stopped(f"{target.shown}: {getattr(error, 'strerror', None) or error}") from error
    except (Malformed, ValueError) as error:
        raise DownloadFailed(f"{target.shown}: {error}") from error
