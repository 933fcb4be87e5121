"""The contract `Files` on POSIX. Descriptors are passed to no program that is started."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from reagent.adapters.disk import Disk, OpenFile

_SAFELY: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class PosixFiles(Disk):
    """Implements `contracts.files.Files`."""

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

    def append(self, path: str) -> PosixNewFile:
        """See the contract."""
        return PosixNewFile(self.open_file(path, os.O_RDWR | os.O_APPEND))

    def symlink(self, target: str, path: str) -> None:
        """See the contract."""
        os.symlink(target, path)  # noqa: PTH211 - the path must not be normalised

    def utime(self, path: str, seconds: float) -> None:
        """See the contract."""
        os.utime(path, (seconds, seconds), follow_symlinks=False)

    def chmod(self, path: str, mode: int) -> None:
        """See the contract."""
        descriptor = self.open_file(path)
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)

    def fsync(self, path: str) -> None:
        """See the contract."""
        try:
            descriptor = os.open(path, os.O_RDONLY | _SAFELY)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            # The agent directory may be a link to where there is more room.
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open_file(self, path: str, how: int = os.O_RDONLY) -> int:
        """See `Disk`."""
        descriptor = os.open(path, how | _SAFELY)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "no regular file", path)
        return descriptor


class PosixNewFile(OpenFile):
    """Implements `contracts.files.NewFile`."""

    def read(self, offset: int, size: int) -> bytes:
        """See the contract."""
        return os.pread(self._descriptor, size, offset)

    def chmod(self, mode: int) -> None:
        """See the contract."""
        os.fchmod(self._descriptor, mode)

    def utime(self, seconds: float) -> None:
        """See the contract."""
        os.utime(self._descriptor, (seconds, seconds))
