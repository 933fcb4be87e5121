"""A file that somebody brings, as a download: a USB stick in a valley without network.

It is read through one descriptor, so what was measured is what is copied; whether the copy is what
was published is found out where it lies, as for every download. What brings it may be pulled out at
any moment: that is a failed download. So is what says nothing for half a minute, such as a share
whose server is gone: the kernel holds whoever asks it, so threads ask that can be left there.
"""

# What is done here is done to descriptors.

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from reagent.adapters.threads import Threads
from reagent.contracts.downloads import LARGEST_FILE, Block
from reagent.errors import DownloadFailed, TooSlow
from reagent.settings.opening import BINARY, NO_TERMINAL, NO_WAIT, read_at

# Between two blocks: the slowest stick that is worth waiting for has one in a second.
WITHIN_S: Final = 30.0
_BLOCK: Final = 1 << 18
# Neither a pipe nor a device keeps anybody waiting.
_SAFELY: Final = os.O_RDONLY | NO_WAIT | NO_TERMINAL | BINARY
# Of the whole process: however often somebody tries, no more than these are ever held up.
_THREADS: Final = Threads("local files")

T = TypeVar("T")
Read = Callable[[int, int, int], bytes]
Close = Callable[[int], None]


class LocalFiles:
    """Implements `contracts.downloads.Brought`.

    Args:
        within: seconds that a file may keep us waiting without a byte.
        threads: what is asked of a file is asked there.
        read: from a descriptor, so many bytes, from there on.
        close: a descriptor.
    """

    def __init__(
        self,
        *,
        within: float = WITHIN_S,
        threads: Threads = _THREADS,
        read: Read = read_at,
        close: Close = os.close,
    ) -> None:
        self.threads = threads
        self._within = within
        self._read = read
        self._close = close

    @asynccontextmanager
    async def file(self, path: str, *, most: int = LARGEST_FILE) -> AsyncIterator[LocalFile]:
        """See the contract."""
        async with self._opened(path) as source:
            if not 0 < source.length <= most:
                raise DownloadFailed(f"{path} has {source.length} bytes, not 1 to {most}")
            yield LocalFile(source, path, source.length)

    async def document(self, path: str, *, most: int) -> bytes:
        """See the contract."""
        async with self._opened(path) as source:
            content = await source.read(most + 1, 0)
        if len(content) > most:
            raise DownloadFailed(f"{path} has more than {most} bytes")
        return content

    @asynccontextmanager
    async def _opened(self, path: str) -> AsyncIterator[_Source]:
        source = _Source(path, self._within, self.threads, self._read, self._close)
        try:
            await source.open()
            yield source
        finally:
            source.leave()


class LocalFile:
    """Implements `contracts.downloads.Download`."""

    def __init__(self, source: _Source, path: str, length: int) -> None:
        self._source = source
        self._path = path
        self.length = length
        self.begins = 0
        self.mark = ""

    async def blocks(self) -> AsyncIterator[Block]:
        """See the contract."""
        offset = 0
        while offset < self.length:
            content = await self._source.read(_BLOCK, offset)
            if not content:
                raise DownloadFailed(f"{self._path} became shorter while it was read")
            yield Block(offset, content)
            offset += len(content)


class _Source:
    """One file that is open. Its descriptor is the threads' alone.

    Closing under a call would give its number to another file, and closing may hang itself: the
    call that is left behind closes when it comes back.
    """

    def __init__(
        self, path: str, within: float, threads: Threads, read: Read, close: Close
    ) -> None:
        self._path = path
        self._within = within
        self._threads = threads
        self._read = read
        self._close = close
        self._descriptor = -1
        self._guard = threading.Lock()
        self._busy = False
        self._left = False
        self.length = 0

    async def open(self) -> None:
        """Have it open.

        Raises:
            TooSlow: nobody answers.
            DownloadFailed: it is not to be had, or no file.
        """
        await self._ask(self._open)

    async def read(self, size: int, offset: int) -> bytes:
        """What stands there.

        Raises:
            TooSlow: nobody answers.
            DownloadFailed: it cannot be read.
        """
        return await self._ask(lambda: self._read(self._descriptor, size, offset))

    def leave(self) -> None:
        """Have it closed; nobody waits for that."""
        with self._guard:
            self._left = True
            if self._busy or self._descriptor < 0:
                return
        self._threads.leave(self._shut)

    async def _ask(self, call: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._within):
                try:
                    return await self._threads.run(lambda: self._called(call))
                except (OSError, ValueError) as error:  # a path may hold what no path holds
                    reason = getattr(error, "strerror", None) or error
                    raise DownloadFailed(f"{self._path}: {reason}") from error
        except TimeoutError as error:
            raise TooSlow(
                f"{self._path}: nothing came for {self._within:.0f} s; what it lies on hangs"
            ) from error

    def _called(self, call: Callable[[], T]) -> T:
        self._begin()
        try:
            return call()
        finally:
            if self._end():
                self._shut()

    def _begin(self) -> None:
        with self._guard:
            if self._left:
                raise DownloadFailed(f"{self._path} was given up")
            self._busy = True

    def _end(self) -> bool:
        """Whether it was given up meanwhile."""
        with self._guard:
            self._busy = False
            return self._left

    def _open(self) -> None:
        descriptor = os.open(self._path, _SAFELY)
        found = os.fstat(descriptor)
        self._descriptor, self.length = descriptor, found.st_size
        if not stat.S_ISREG(found.st_mode):
            raise DownloadFailed(f"{self._path} is no file")

    def _shut(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._close(descriptor)
