"""What an update does to the file system: every write, rename, link and fsync goes through here.

It is the one part of the file system that has a fake, because what a disk holds after a power cut
cannot be had from a real one. The operations are as small as the system's, so that a test can cut
between any two; sequences that are safe are made of them in `updates/moves.py`.

Paths are absolute. Everything raises `OSError` with the system's number in `errno`. Nothing follows
a link in the last part of a path, and nothing waits for whoever is at the other end of a pipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Kind(Enum):
    """What stands at a path."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Found:
    """What `lstat` says.

    Attributes:
        mode: permission bits.
        mtime: seconds since 1970.
        identity: device and inode; equal for two names of one file.
    """

    kind: Kind
    size: int
    mode: int
    mtime: float
    identity: tuple[int, int]


class NewFile(Protocol):
    """A file that this device made and holds open, for writing and for reading back."""

    def write(self, content: bytes) -> None:
        """Append all of it."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Bytes as the system gives them back; shorter at the end."""
        ...

    def size(self) -> int:
        """Its length in bytes."""
        ...

    def chmod(self, mode: int) -> None:
        """Set the permission bits, whatever the umask says."""
        ...

    def utime(self, seconds: float) -> None:
        """Set the time of modification, seconds since 1970."""
        ...

    def fsync(self) -> None:
        """Have content, length, mode and time on the disk. Once it failed, drop the file."""
        ...

    def close(self) -> None:
        """Let go; safe twice."""
        ...


class Files(Protocol):
    """The operations."""

    def lstat(self, path: str) -> Found:
        """What stands there."""
        ...

    def readlink(self, path: str) -> str:
        """The target of a link, as it was written."""
        ...

    def read(self, path: str, most: int) -> bytes:
        """A whole regular file.

        Raises:
            OSError: also for what is no regular file, and for more than `most` bytes.
        """
        ...

    def sha256(self, path: str) -> str:
        """The digest of a regular file, in lower-case hex."""
        ...

    def list(self, folder: str) -> list[str]:
        """The names in a folder, in no order."""
        ...

    def free(self, folder: str) -> int:
        """Bytes that can still be written below it."""
        ...

    def create(self, path: str, mode: int) -> NewFile:
        """Make a file that was not there; O_EXCL."""
        ...

    def append(self, path: str) -> NewFile:
        """Open a regular file that is there, to go on at its end."""
        ...

    def symlink(self, target: str, path: str) -> None:
        """Make a link that was not there."""
        ...

    def rename(self, path: str, to: str) -> None:
        """Give it another name, over whatever file or link has it; atomic."""
        ...

    def unlink(self, path: str) -> None:
        """Take a name away from a file or link."""
        ...

    def utime(self, path: str, seconds: float) -> None:
        """Set the time of modification of a file, seconds since 1970."""
        ...

    def chmod(self, path: str, mode: int) -> None:
        """Set the permission bits of a regular file, where the system has any."""
        ...

    def fsync(self, path: str) -> None:
        """Have a file, or the names in a folder, on the disk."""
        ...
