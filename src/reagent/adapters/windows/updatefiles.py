"""The contract `Files` on Windows, as far as versions are staged there.

A name replaces another at one stroke here too, but no folder can be synced: NTFS writes names
through its journal. Symbolic links are refused: most users may not make any.
"""

# What is done here is done to descriptors, and to paths that must not be normalised.
# ruff: noqa: PTH105, PTH108, PTH115, PTH208

from __future__ import annotations

import errno
import os
import shutil
import stat
from typing import Final

from reagent.contracts.files import Found, Kind
from reagent.settings.opening import BINARY

_CHUNK: Final = 1 << 20


class WindowsFiles:
    """Implements `contracts.files.Files`."""

    def lstat(self, path: str) -> Found:
        """See the contract."""
        found = os.lstat(path)
        return Found(
            _kind(found.st_mode),
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
        descriptor = _open_file(path)
        try:
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(most + 1)
        finally:
            os.close(descriptor)
        if len(content) > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return content

    def sha256(self, path: str) -> str:
        """See the contract."""
        from hashlib import sha256  # noqa: PLC0415 - a start without a trial needs none

        digest = sha256()
        descriptor = _open_file(path)
        try:
            while chunk := os.read(descriptor, _CHUNK):
                digest.update(chunk)
        finally:
            os.close(descriptor)
        return digest.hexdigest()

    def list(self, folder: str) -> list[str]:
        """See the contract."""
        return os.listdir(folder)

    def free(self, folder: str) -> int:
        """See the contract."""
        return shutil.disk_usage(folder).free

    def create(self, path: str, mode: int) -> WindowsNewFile:
        """See the contract. Of the mode, Windows knows whether the file may be written to."""
        return WindowsNewFile(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | BINARY, mode), path
        )

    def symlink(self, target: str, path: str) -> None:
        """See the contract."""
        del target
        raise OSError(errno.ENOSYS, "there are no links for everybody on Windows", path)

    def rename(self, path: str, to: str) -> None:
        """See the contract."""
        os.replace(path, to)

    def unlink(self, path: str) -> None:
        """See the contract."""
        os.unlink(path)

    def utime(self, path: str, seconds: float) -> None:
        """See the contract."""
        os.utime(path, (seconds, seconds))

    def fsync(self, path: str) -> None:
        """See the contract; of a folder, that it is there."""
        if stat.S_ISDIR(os.lstat(path).st_mode):
            return
        descriptor = os.open(path, os.O_RDWR | BINARY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class WindowsNewFile:
    """Implements `contracts.files.NewFile`."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path

    def write(self, content: bytes) -> None:
        """See the contract."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def read(self, offset: int, size: int) -> bytes:
        """See the contract."""
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        try:
            return os.read(self._descriptor, size)
        finally:
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def size(self) -> int:
        """See the contract."""
        return os.fstat(self._descriptor).st_size

    def chmod(self, mode: int) -> None:
        """See the contract; who may run it is inherited from the folder."""
        del mode

    def utime(self, seconds: float) -> None:
        """See the contract."""
        os.utime(self._path, (seconds, seconds))

    def fsync(self) -> None:
        """See the contract."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """See the contract."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISLNK(mode):
        return Kind.LINK
    return Kind.FOLDER if stat.S_ISDIR(mode) else Kind.OTHER


def _open_file(path: str) -> int:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(errno.EINVAL, "no regular file", path)
    return os.open(path, os.O_RDONLY | BINARY)
