"""Replacing a small file so that a power cut leaves the old one or the new one, never a piece.

Temp file beside the target, write, fsync, rename, fsync of the folder. The temp file's name is
fixed, so what a cut leaves behind is dropped by the next call, and it contains neither `reswarm`
nor `flock`: boot scripts take the newest file of such a name for the device file.
"""

# What is done here is done to descriptors.
# ruff: noqa: PTH105, PTH108, PTH116, PTH118, PTH120

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from reagent.settings.opening import BINARY, FOLDER, NO_LINK, NO_WAIT

TEMPORARY_NAME: Final = ".agent-write.tmp"
_PRIVATE: Final = 0o600
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | BINARY


def replace(target: str, content: bytes, *, mode: int = _PRIVATE) -> None:
    """Put the content at the target, owner kept where that is allowed.

    Args:
        target: a real path: whoever has a symbolic link resolves it first.
        content: all of it.
        mode: of the file; 0600 where nobody else has to read it.

    Raises:
        OSError: nothing changed at the target.
    """
    folder = os.path.dirname(target) or "."
    temporary = os.path.join(folder, TEMPORARY_NAME)
    forget_temporary(target)
    descriptor = os.open(temporary, _NEW, mode)
    try:
        try:
            _keep_owner(descriptor, target)
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except BaseException:
        # Also after a failed fsync: what the kernel dropped once it never writes again.
        forget_temporary(target)
        raise
    with suppress(OSError):  # not every file system can; the rename itself is done
        _fsync_folder(folder)


def forget_temporary(target: str) -> None:
    """Drop what a cut may have left beside the target."""
    with suppress(OSError):
        os.unlink(os.path.join(os.path.dirname(target) or ".", TEMPORARY_NAME))


def overwrite(target: str, content: bytes) -> None:
    """Write over the file that is there, where it cannot be replaced: a mount point of its own.

    A cut leaves a broken file, so only somebody who holds a copy elsewhere may do this.

    Raises:
        OSError: it cannot be opened, or the content may be there in part.
    """
    descriptor = os.open(target, os.O_WRONLY | NO_LINK | NO_WAIT | BINARY)
    try:
        write_all(descriptor, content)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write until everything is written.

    Raises:
        OSError: it was not.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _keep_owner(descriptor: int, target: str) -> None:
    with suppress(OSError):  # no file yet, a file system without owners, or not our right
        before = os.stat(target)
        ours = os.fstat(descriptor)
        if (before.st_uid, before.st_gid) != (ours.st_uid, ours.st_gid):
            os.fchown(descriptor, before.st_uid, before.st_gid)


def _fsync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
