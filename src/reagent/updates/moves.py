"""The two moves that every step of an update is made of, each whole or not there after a cut.

    put     temp file O_EXCL, write, fsync, rename, fsync of the folder
    link    link under a temp name, fsync of the folder, rename, fsync of the folder

One process moves at a time (it holds the lock), so the temp names are fixed: what a cut leaves is
dropped by the next move. They begin with a dot and hold neither `reagent-`, which the field's
manager script runs, nor `reswarm` or `flock`, which boot scripts take for the device file.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from reagent.contracts.files import Files

TEMPORARY_FILE: Final = ".put.tmp"
TEMPORARY_LINK: Final = ".link.tmp"


def put(files: Files, path: str, content: bytes, mode: int = 0o644) -> None:
    """Have a file with this content at the path.

    Raises:
        OSError: what was there is still there, and no temp file.
    """
    folder = _folder_of(path)
    temporary = f"{folder}/{TEMPORARY_FILE}"
    drop(files, temporary)
    try:
        new = files.create(temporary, mode)
        try:
            new.write(content)
            new.fsync()
        finally:
            new.close()
        files.rename(temporary, path)
    except BaseException:
        # Also after a failed fsync: what the kernel gave up once it never writes again.
        drop(files, temporary)
        raise
    files.fsync(folder)


def link(files: Files, path: str, target: str) -> None:
    """Have a link to an absolute target at the path.

    The first fsync is for what some file systems do otherwise: a renamed link without its target.

    Raises:
        OSError: what was there is still there, and no temp link.
    """
    folder = _folder_of(path)
    temporary = f"{folder}/{TEMPORARY_LINK}"
    drop(files, temporary)
    try:
        files.symlink(target, temporary)
        files.fsync(folder)
        files.rename(temporary, path)
    except BaseException:
        drop(files, temporary)
        raise
    files.fsync(folder)


def drop(files: Files, path: str) -> None:
    """Have nothing at the path, as far as that can be had."""
    with suppress(OSError):
        files.unlink(path)


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]
