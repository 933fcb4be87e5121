"""`ngclient` without a fetcher of its own; the only import of it.

That would bring urllib3, and with it the standard library's HTTP and mail: 3.3 MB that an idle
device would hold for nothing. While we import it, it finds a stand-in in that place; who imports
the real one later gets it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_FETCHER = "tuf.ngclient.urllib3_fetcher"


class _Urllib3Fetcher:
    """Nobody makes one: `Updater` is always given a fetcher."""


@contextmanager
def _without_fetcher() -> Iterator[None]:
    if _FETCHER in sys.modules:
        yield
        return
    stand_in = ModuleType(_FETCHER)
    stand_in.Urllib3Fetcher = _Urllib3Fetcher  # type: ignore[attr-defined]
    sys.modules[_FETCHER] = stand_in
    try:
        yield
    finally:
        del sys.modules[_FETCHER]


with _without_fetcher():
    from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig
    from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet

__all__ = ["FetcherInterface", "TrustedMetadataSet", "Updater", "UpdaterConfig"]
