"""The contract `Files` on POSIX. Descriptors are passed to no program that is started."""

# What is done here is done to descriptors, and to paths that must not be normalised.
# ruff: noqa: PTH104, PTH108, PTH115, PTH208, PTH211

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from reagent.contracts.files import Found, Kind

_CHUNK: Final = 1 << 20
_SAFELY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class PosixFiles:
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
        """See the contract; what root may use beyond others is not counted."""
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def create(self, path: str, mode: int) -> PosixNewFile:
        """See the contract."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            os.fchmod(descriptor, mode)
        except BaseException:
            os.close(descriptor)
            raise
        return PosixNewFile(descriptor)

    def symlink(self, target: str, path: str) -> None:
        """See the contract."""
        os.symlink(target, path)

    def rename(self, path: str, to: str) -> None:
        """See the contract."""
        os.rename(path, to)

    def unlink(self, path: str) -> None:
        """See the contract."""
        os.unlink(path)

    def utime(self, path: str, seconds: float) -> None:
        """See the contract."""
        os.utime(path, (seconds, seconds), follow_symlinks=False)

    def fsync(self, path: str) -> None:
        """See the contract."""
        try:
            descriptor = os.open(path, _SAFELY)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            # The agent directory may be a link to where there is more room.
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class PosixNewFile:
    """Implements `contracts.files.NewFile`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        """See the contract."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def read(self, offset: int, size: int) -> bytes:
        """See the contract."""
        return os.pread(self._descriptor, size, offset)

    def size(self) -> int:
        """See the contract."""
        return os.fstat(self._descriptor).st_size

    def chmod(self, mode: int) -> None:
        """See the contract."""
        os.fchmod(self._descriptor, mode)

    def utime(self, seconds: float) -> None:
        """See the contract."""
        os.utime(self._descriptor, (seconds, seconds))

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
    descriptor = os.open(path, _SAFELY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", path)
    return descriptor
