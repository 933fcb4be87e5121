"""The docker SDK when it is needed, and not before.

Importing it costs about a sixth of a second and several megabytes (most of it `requests`), so that
happens in a thread when the first change is asked for, and never on a device without apps.
"""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from reagent import log
from reagent.adapters.docker.address import Address
from reagent.adapters.docker.errors import unavailable
from reagent.adapters.threads import Threads

if TYPE_CHECKING:
    from reagent.adapters.docker.client import Client

T = TypeVar("T")

_CALL_S = 30

_log = log.get(__name__)


class Sdk:
    """Runs calls of the SDK in threads, with one client."""

    def __init__(self, address: Address, threads: Threads) -> None:
        self._address = address
        self._threads = threads
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._version = ""

    async def run(self, version: str, call: Callable[[Client], T], within: float = _CALL_S) -> T:
        """Run `call` with a client that speaks `version`.

        Raises:
            Refusal: the engine says no.
            EngineUnavailable: it does not answer within so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                return await self._threads.run(lambda: call(self._connected(version)))
        except TimeoutError as error:
            raise unavailable(self._address.text, f"nothing within {within:g} s") from error

    def close(self) -> None:
        """Close its connections; the next call opens new ones.

        A thread that is just loading the SDK is not waited for; it ends with the process.
        """
        if not self._lock.acquire(blocking=False):
            return
        client, self._client = self._client, None
        self._lock.release()
        if client is not None:
            client.close()

    def _connected(self, version: str) -> Client:
        with self._lock:
            if self._client is None or self._version != version:
                self._client, self._version = _load()(self._address, version, _CALL_S), version
            return self._client


def _load() -> type[Client]:
    """Late on purpose, and nowhere else: this imports the SDK."""
    began = time.monotonic()
    with warnings.catch_warnings():
        # The executables leave out what `requests` guesses encodings with; it says so by a warning.
        warnings.simplefilter("ignore")
        from reagent.adapters.docker.client import Client  # noqa: PLC0415

    _log.debug("docker SDK ready", milliseconds=round((time.monotonic() - began) * 1000))
    return Client
