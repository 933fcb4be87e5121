"""A file that somebody brings, as a download: a USB stick in a valley without network.

It is read through one descriptor, so what was measured is what is copied; whether the copy is what
was published is found out where it lies, as for every download. What brings it may be pulled out at
any moment: that is a failed download.
"""

# What is done here is done to descriptors.

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from reagent.contracts.downloads import LARGEST_FILE, Block
from reagent.errors import DownloadFailed
from reagent.settings.opening import BINARY, NO_TERMINAL, NO_WAIT, read_at

_BLOCK: Final = 1 << 18
# Neither a pipe nor a device keeps anybody waiting.
_SAFELY: Final = os.O_RDONLY | NO_WAIT | NO_TERMINAL | BINARY


class LocalFile:
    """Implements `contracts.downloads.Download`."""

    def __init__(self, descriptor: int, path: str, length: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self.length = length

    async def blocks(self) -> AsyncIterator[Block]:
        """See the contract."""
        offset = 0
        while offset < self.length:
            try:
                content = await asyncio.to_thread(read_at, self._descriptor, _BLOCK, offset)
            except OSError as error:
                raise DownloadFailed(f"{self._path}: {error.strerror or error}") from error
            if not content:
                raise DownloadFailed(f"{self._path} became shorter while it was read")
            yield Block(offset, content)
            offset += len(content)


class LocalFiles:
    """Implements `contracts.downloads.Brought`."""

    @asynccontextmanager
    async def file(self, path: str, *, most: int = LARGEST_FILE) -> AsyncIterator[LocalFile]:
        """See the contract."""
        descriptor = await asyncio.to_thread(_open, path)
        try:
            length = os.fstat(descriptor).st_size
            if not 0 < length <= most:
                raise DownloadFailed(f"{path} has {length} bytes, not 1 to {most}")
            yield LocalFile(descriptor, path, length)
        finally:
            os.close(descriptor)

    def document(self, path: str, *, most: int) -> bytes:
        """See the contract."""
        descriptor = _open(path)
        try:
            content = read_at(descriptor, most + 1, 0)
        except OSError as error:
            raise DownloadFailed(f"{path}: {error.strerror or error}") from error
        finally:
            os.close(descriptor)
        if len(content) > most:
            raise DownloadFailed(f"{path} has more than {most} bytes")
        return content


def _open(path: str) -> int:
    try:
        descriptor = os.open(path, _SAFELY)
    except OSError as error:
        raise DownloadFailed(f"{path}: {error.strerror or error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DownloadFailed(f"{path} is no file")
    return descriptor
