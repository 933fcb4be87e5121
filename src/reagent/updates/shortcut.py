"""The short way to a release: what differs from the version that runs, instead of all of it.

What comes of it is verified like a download of the whole, by the digest of the whole, where it
lies on the disk. When nothing comes of it the whole is fetched, once, and the short way to that
digest is not tried again here. That is written down before it is unpacked: where the memory does
not suffice, the kernel ends this process, and the next one must not try the same.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from reagent import log
from reagent.contracts.deltas import Deltas
from reagent.contracts.downloads import LARGEST_FILE, Block, Downloads
from reagent.errors import Damaged, DownloadFailed
from reagent.updates.catalogue import Difference, Release
from reagent.updates.staging import Staging

_log = log.get(__name__)

# It is unpacked in memory, and a device may have little.
LARGEST_DELTA: Final = 8 * 1024 * 1024
# Where nobody signed for a size: what makes more than so many of our own out of a few bytes is no
# version, and may be meant to take the device's memory.
MOST_TIMES_OURS: Final = 2
# What saves less is not worth a second attempt.
WORTH: Final = 0.5
_BLOCK: Final = 1 << 18


class Unpacked:
    """Implements `contracts.downloads.Download` over what was unpacked."""

    begins = 0
    mark = ""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    async def blocks(self) -> AsyncIterator[Block]:
        """See the contract."""
        for offset in range(0, self.length, _BLOCK):
            yield Block(offset, self._content[offset : offset + _BLOCK])


class Shortcut:
    """Makes releases out of the version that runs.

    Args:
        downloads: the bucket.
        deltas: unpacks.
        staging: remembers what led nowhere.
        own: path of the file that runs; empty where it is none of the bucket's.
    """

    def __init__(
        self, downloads: Downloads, deltas: Deltas, staging: Staging, own: Callable[[], str]
    ) -> None:
        self._downloads = downloads
        self._deltas = deltas
        self._staging = staging
        self._own = own

    async def to(self, release: Release, known: Difference | None) -> Unpacked | None:
        """The release, unpacked and not verified yet; None where it has to be fetched whole."""
        own = self._own()
        if known is None or not own or not self._deltas.available or not _pays(release, known):
            return None
        if await asyncio.to_thread(self._staging.is_whole_only, release.sha256):
            return None
        try:
            delta = await self._fetched(known)
            await asyncio.to_thread(self._staging.whole_only, release.sha256)
            most = await asyncio.to_thread(self._most, release, own)
            content = await asyncio.to_thread(self._deltas.unpack, own, delta, most)
        except DownloadFailed as error:
            _log.info("no short way to this version", version=release.version, error=error)
            return None
        except (Damaged, OSError) as error:
            await self.led_nowhere(release, error)
            return None
        _log.info("the short way", version=release.version, bytes=len(delta), of=len(content))
        return Unpacked(content)

    async def led_nowhere(self, release: Release, error: Exception) -> None:
        """What was unpacked is not the release, or cannot be."""
        _log.warning("the short way led nowhere", version=release.version, error=error)
        try:
            await asyncio.to_thread(self._staging.whole_only, release.sha256)
        except OSError as refused:
            _log.warning("that cannot be written down", error=refused)

    def _most(self, release: Release, own: str) -> int:
        """Bytes that may come of a delta."""
        if release.size is not None:
            return release.size
        return min(LARGEST_FILE, MOST_TIMES_OURS * self._staging.length_of(own))

    async def _fetched(self, known: Difference) -> bytes:
        content = bytearray()
        async with self._downloads.file(known.url, most=LARGEST_DELTA) as download:
            if known.length not in {None, download.length}:
                raise Damaged(f"{known.url} has {download.length} bytes, not {known.length}")
            async for block in download.blocks():
                del content[block.offset :]
                content += block.content
        if known.sha256 is not None and hashlib.sha256(content).hexdigest() != known.sha256:
            raise Damaged(f"{known.url} is not what was signed for")
        return bytes(content)


def _pays(release: Release, known: Difference) -> bool:
    if known.length is None or release.size is None:
        return True
    return known.length <= WORTH * release.size
