"""Where signed metadata lies: `<base>/re-agent/trust/`, or beside a file that somebody brought."""

from __future__ import annotations

from typing import Final

from reagent.contracts.downloads import Brought, Downloads
from reagent.contracts.trust import TIMESTAMP, Fetch
from reagent.errors import DownloadFailed, NotThere, TooSlow
from reagent.updates.channel import BUCKET

FOLDER: Final = "trust"
# A list of targets has a hundred kilobytes, and must come through a modem.
WITHIN_S: Final = 60.0
# <os>/<arch>/<version>/<file>
_DEPTH: Final = 4
_LARGEST_TIMESTAMP: Final = 16 * 1024


async def beside(brought: Brought, path: str) -> Fetch | None:
    """Metadata files that somebody brought along with a file; None where there are none.

    The folder `trust` beside the file, or beside one of the folders it lies in: a copy of the
    bucket, or of a part of it, is a bundle.

    Raises:
        TooSlow: what it lies on does not answer.
    """
    base = path
    for _ in range(_DEPTH):
        base = base.rpartition("/")[0]
        folder = f"{base}/{FOLDER}"
        try:
            await brought.document(f"{folder}/{TIMESTAMP}.json", most=_LARGEST_TIMESTAMP)
        except TooSlow:
            raise  # what it lies on hangs: so would all the rest
        except DownloadFailed:
            continue
        return _in_folder(brought, folder)
    return None


def _in_folder(brought: Brought, folder: str) -> Fetch:
    async def fetch(name: str, most: int) -> bytes:
        try:
            return await brought.document(f"{folder}/{name}", most=most)
        except DownloadFailed as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NotThere(str(error)) from error
            raise

    return fetch


def in_bucket(downloads: Downloads, base: str, within: float = WITHIN_S) -> Fetch:
    """Metadata files of the bucket below `base`, each within so many seconds."""

    async def fetch(name: str, most: int) -> bytes:
        url = f"{base}/{BUCKET}/{FOLDER}/{name}"
        return await downloads.document(url, most=most, within=within)

    return fetch
