"""Where the metadata of a signed bucket lies: `<base>/re-agent/trust/`."""

from __future__ import annotations

from typing import Final

from reagent.contracts.downloads import Downloads
from reagent.contracts.trust import Fetch
from reagent.updates.channel import BUCKET

FOLDER: Final = "trust"
# A list of targets has a hundred kilobytes, and must come through a modem.
WITHIN_S: Final = 60.0


def in_bucket(downloads: Downloads, base: str, within: float = WITHIN_S) -> Fetch:
    """Metadata files of the bucket below `base`, each within so many seconds."""

    async def fetch(name: str, most: int) -> bytes:
        url = f"{base}/{BUCKET}/{FOLDER}/{name}"
        return await downloads.document(url, most=most, within=within)

    return fetch
