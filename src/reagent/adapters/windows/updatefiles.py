"""The contract `Files` on Windows.

A name replaces another at one stroke here too, and is on the disk when that returns: no folder can
be synced, so a rename goes through all caches. A link is a small file that says which file is
meant, in a folder that only administrators write to: most users may make no symbolic links, and
programs that copy folders do not keep them. `Reagent-active` is one, so one replacement is a commit
here as well.
"""

# What is done here is done to descriptors, and to paths that must not be normalised.
# ruff: noqa: PTH112

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from dataclasses import replace
from typing import Final

from reagent.adapters.disk import Disk, OpenFile
from reagent.contracts.files import Found, Kind
from reagent.settings.opening import BINARY

# What a link begins with; the rest of the file is its target.
_LINK: Final = b"reagent link 1\n"
_LONGEST_LINK: Final = 4096


class WindowsFiles(Disk):
    """Implements `contracts.files.Files`."""

    def lstat(self, path: str) -> Found:
        """See the contract."""
        found = super().lstat(path)
        if found.kind is Kind.FILE and _target(path, found.size):
            return replace(found, kind=Kind.LINK)
        return found

    def readlink(self, path: str) -> str:
        """See the contract."""
        target = _target(path, os.lstat(path).st_size)
        if not target:
            raise OSError(errno.EINVAL, "no link", path)
        return target

    def free(self, folder: str) -> int:
        """See the contract."""
        return shutil.disk_usage(folder).free

    def create(self, path: str, mode: int) -> WindowsNewFile:
        """See the contract. Of the mode, Windows knows whether the file may be written to."""
        return WindowsNewFile(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | BINARY, mode), path
        )

    def append(self, path: str) -> WindowsNewFile:
        """See the contract."""
        descriptor = self.open_file(path, os.O_RDWR)
        os.lseek(descriptor, 0, os.SEEK_END)
        return WindowsNewFile(descriptor, path)

    def symlink(self, target: str, path: str) -> None:
        """See the contract. It is on the disk whole before a rename gives it its name."""
        new = self.create(path, 0o644)
        try:
            new.write(_LINK + target.encode())
            new.fsync()
        finally:
            new.close()

    def rename(self, path: str, to: str) -> None:
        """See the contract; Windows calls a folder in the way a lack of rights."""
        try:
            _move(path, to)
        except PermissionError as error:
            if os.path.isdir(to):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), to) from error
            raise

    def utime(self, path: str, seconds: float) -> None:
        """See the contract."""
        os.utime(path, (seconds, seconds))

    def chmod(self, path: str, mode: int) -> None:
        """See the contract; who may run it is inherited from the folder."""
        del mode
        os.close(self.open_file(path))

    def fsync(self, path: str) -> None:
        """See the contract; of a folder, that it is there.

        A program that runs cannot be opened for writing, and nothing but its time can have changed.
        """
        if stat.S_ISDIR(os.lstat(path).st_mode):
            return
        try:
            descriptor = os.open(path, os.O_RDWR | BINARY)
        except PermissionError:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open_file(self, path: str, how: int = os.O_RDONLY) -> int:
        """See `Disk`."""
        if self.lstat(path).kind is not Kind.FILE:
            raise OSError(errno.EINVAL, "no regular file", path)
        return os.open(path, how | BINARY)


if sys.platform == "win32":
    from reagent.adapters.windows.kernel import move as _move
else:
    _move = os.replace


class WindowsNewFile(OpenFile):
    """Implements `contracts.files.NewFile`."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor)
        self._path = path

    def read(self, offset: int, size: int) -> bytes:
        """See the contract."""
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        try:
            return os.read(self._descriptor, size)
        finally:
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def chmod(self, mode: int) -> None:
        """See the contract; who may run it is inherited from the folder."""
        del mode

    def utime(self, seconds: float) -> None:
        """See the contract."""
        os.utime(self._path, (seconds, seconds))


def _target(path: str, size: int) -> str:
    """What a link says, empty when it is none."""
    if not len(_LINK) < size <= _LONGEST_LINK or not stat.S_ISREG(os.lstat(path).st_mode):
        return ""
    descriptor = os.open(path, os.O_RDONLY | BINARY)
    try:
        content = os.read(descriptor, _LONGEST_LINK)
    finally:
        os.close(descriptor)
    return (
        content.removeprefix(_LINK).decode("utf-8", "replace") if content.startswith(_LINK) else ""
    )
