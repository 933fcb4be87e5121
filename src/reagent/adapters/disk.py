"""What the contract `Files` asks of every system alike.

`posix.updatefiles` and `windows.updatefiles` know the rest.
"""

# What is done here is done to descriptors, and to paths that must not be normalised.
# ruff: noqa: PTH105, PTH108, PTH115, PTH208

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from reagent.contracts.files import Found, Kind

_CHUNK: Final = 1 << 20


class Disk:
    """Most of `contracts.files.Files`."""

    def lstat(self, path: str) -> Found:
        """See the contract."""
        found = os.lstat(path)
        return Found(
            kind_of(found.st_mode),
            found.st_size,
            stat.S_IMODE(found.st_mode),
            found.st_mtime,
            (found.st_dev, found.st_ino),
        )

    def readlink(self, path: str) -> str:
        """See the contract."""
        return os.readlink(path)

    def read(self, path: str, most: int) -> bytes:
        """See the contract."""
        descriptor = self.open_file(path)
        try:
            if os.fstat(descriptor).st_size > most:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
            content = bytearray()
            while len(content) <= most:
                chunk = os.read(descriptor, min(_CHUNK, most + 1 - len(content)))
                if not chunk:
                    return bytes(content)
                content += chunk
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        finally:
            os.close(descriptor)

    def sha256(self, path: str) -> str:
        """See the contract."""
        from hashlib import sha256  # noqa: PLC0415 - a start without a trial needs none

        digest = sha256()
        descriptor = self.open_file(path)
        try:
            while chunk := os.read(descriptor, _CHUNK):
                digest.update(chunk)
        finally:
            os.close(descriptor)
        return digest.hexdigest()

    def list(self, folder: str) -> list[str]:
        """See the contract."""
        return os.listdir(folder)

    def rename(self, path: str, to: str) -> None:
        """See the contract."""
        os.replace(path, to)

    def unlink(self, path: str) -> None:
        """See the contract."""
        os.unlink(path)

    def open_file(self, path: str, how: int = os.O_RDONLY) -> int:
        """A descriptor of a regular file; no link is followed, nothing waited for.

        Raises:
            OSError: there is none.
        """
        raise NotImplementedError


class OpenFile:
    """Most of `contracts.files.NewFile`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        """See the contract."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def size(self) -> int:
        """See the contract."""
        return os.fstat(self._descriptor).st_size

    def fsync(self) -> None:
        """See the contract."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """See the contract."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def kind_of(mode: int) -> Kind:
    """What has such a mode."""
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISLNK(mode):
        return Kind.LINK
    return Kind.FOLDER if stat.S_ISDIR(mode) else Kind.OTHER
