"""The fetcher of `ngclient`, which blocks a thread, over a coroutine of the loop that waits for it.

Proxies, TLS, redirects and every bound are those of whoever fetches for us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)

from reagent.adapters.tuf.library import FetcherInterface
from reagent.contracts.trust import Fetch
from reagent.errors import DownloadFailed, NotThere, TooLong, TooSlow

# Names are asked for as URLs; what is behind the last slash is the name.
BASE = "metadata:/"
_LARGEST = 8_000_000


class Bridge(FetcherInterface):
    """Fetches in the loop.

    Args:
        fetch: brings a file.
        loop: where it runs.

    Attributes:
        failure: what it failed with last.
    """

    def __init__(self, fetch: Fetch, loop: asyncio.AbstractEventLoop) -> None:
        self._files = fetch
        self._loop = loop
        self.failure: DownloadFailed | None = None

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """A file as a whole; the base class would put it on a disk first."""
        work = _called(self._files, url.rpartition("/")[2], max_length)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except NotThere as error:
            raise DownloadHTTPError(str(error), 404) from error
        except TooLong as error:
            raise DownloadLengthMismatchError(str(error)) from error
        except TooSlow as error:
            raise SlowRetrievalError(str(error)) from error
        except DownloadFailed as error:
            self.failure = error
            raise DownloadError(str(error)) from error

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield self.download_bytes(url, _LARGEST)


async def _called(fetch: Fetch, name: str, most: int) -> bytes:
    return await fetch(name, most)
