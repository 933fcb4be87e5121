"""Documents and files over HTTP, with every bound (docs/contract/system.md 4.5)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from reagent.adapters.http.download import Begun, HttpDownload, Patience, asking_for, length_of
from reagent.adapters.http.exchange import Exchange, Network
from reagent.contracts.downloads import LARGEST_FILE, Part
from reagent.errors import DownloadFailed, NotThere, TooLong, TooSlow

# What servers say where there is nothing, Google's to who may not list as well.
_NOT_THERE = frozenset({403, 404, 410})


class HttpDownloads:
    """Implements `contracts.downloads.Downloads`.

    Args:
        environment: where `HTTP_PROXY` and its kin, and `SSL_CERT_FILE`, are looked up.
        patience: how long things may take.
        any_certificate: see `exchange.Network`; for what is verified otherwise.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        patience: Patience | None = None,
        *,
        any_certificate: bool = False,
    ) -> None:
        self._patience = patience or Patience()
        self._network = Network(
            environment, step=self._patience.step, any_certificate=any_certificate
        )

    async def document(self, url: str, *, most: int, within: float = 10.0) -> bytes:
        """See the contract. Caches on the way are asked to look again."""
        try:
            async with asyncio.timeout(within):
                exchange = await self._network.get(url, {"Cache-Control": "no-cache"})
                try:
                    demand_success(exchange)
                    return await _whole(exchange, most, within)
                finally:
                    exchange.close()
        except TimeoutError as error:
            raise TooSlow(f"{url}: no whole answer within {within:g} s") from error

    @asynccontextmanager
    async def file(
        self, url: str, *, most: int = LARGEST_FILE, part: Part | None = None
    ) -> AsyncIterator[HttpDownload]:
        """See the contract."""
        begun = await self._behind(url, part, most) if part is not None else None
        if begun is None:
            begun = _whole_file(await self._network.get(url, {}), most)
        download = HttpDownload(self._network, url, begun, self._patience)
        try:
            yield download
        finally:
            download.close()

    async def _behind(self, url: str, part: Part, most: int) -> Begun | None:
        """What is behind a part; None where that cannot be had and all of it is to be asked for.

        A server that cannot do ranges says so in many ways. None of them may hold a device up.
        """
        exchange = await self._network.get(url, asking_for(part))
        if exchange.head.status == 200:
            return _whole_file(exchange, most)
        begun = Begun.behind(part, exchange) if part.length <= most else None
        if begun is None:
            exchange.close()
        return begun


def demand_success(exchange: Exchange) -> None:
    """Refuse every answer but the thing itself: an error page is stored nowhere."""
    status = exchange.head.status
    if status != 200:
        kind = NotThere if status in _NOT_THERE else DownloadFailed
        raise kind(f"{exchange.target.shown} answers {status}, not 200")


def _whole_file(exchange: Exchange, most: int) -> Begun:
    try:
        demand_success(exchange)
        return Begun.whole(exchange, _size(exchange, most))
    except BaseException:
        exchange.close()
        raise


def _size(exchange: Exchange, most: int) -> int:
    length = length_of(exchange)
    if length == 0:
        raise DownloadFailed(f"{exchange.target.shown} is empty")
    if length > most:
        raise TooLong(f"{exchange.target.shown} has {length} bytes, more than {most}")
    return length


async def _whole(exchange: Exchange, most: int, within: float) -> bytes:
    content = b""
    while block := await exchange.read(within):
        content += block
        if len(content) > most:
            raise TooLong(f"{exchange.target.shown} has more than {most} bytes")
    return content
