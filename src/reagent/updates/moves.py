"""The two moves that every step of an update is made of, each whole or not there after a cut.

    put     temp file O_EXCL, write, fsync, rename, fsync of the folder
    link    link under a temp name, fsync of the folder, rename, fsync of the folder

One process moves at a time (it holds the lock), and one thread of it, so the temp names are fixed:
what a cut leaves is dropped by the next move, or by `sweep`. They begin with a dot and hold neither
`reagent-`, which the field's manager script runs, nor `reswarm` or `flock`, which boot scripts take
for the device file.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from reagent.contracts.files import Files, Kind

TEMPORARY_FILE: Final = ".put.tmp"
TEMPORARY_LINK: Final = ".link.tmp"
TEMPORARY: Final = frozenset({TEMPORARY_FILE, TEMPORARY_LINK})

# Re-entrant for the signal handler of an early stop, which never returns.
_MOVING: Final = threading.RLock()


def put(files: Files, path: str, content: bytes, mode: int = 0o644) -> None:
    """Have a file with this content at the path.

    Raises:
        OSError: what was there is still there, and no temp file.
    """
    folder = _folder_of(path)
    temporary = f"{folder}/{TEMPORARY_FILE}"
    with _MOVING:
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
    with _MOVING:
        drop(files, temporary)
        try:
            files.symlink(target, temporary)
            files.fsync(folder)
            files.rename(temporary, path)
        except BaseException:
            drop(files, temporary)
            raise
        files.fsync(folder)


def sweep(files: Files, folder: str, names: Collection[str]) -> list[str]:
    """Unlink those of these names that a cut left in the middle of a move; returns them."""
    left = sorted(TEMPORARY.intersection(names))
    if not left:
        return []
    with _MOVING:  # what is there now is nobody's
        return [name for name in left if unlinked(files, f"{folder}/{name}")]


def unlinked(files: Files, path: str) -> bool:
    """Take a file or link away; whether it was there and is gone."""
    with suppress(OSError):
        if files.lstat(path).kind in (Kind.FILE, Kind.LINK):
            files.unlink(path)
            return True
    return False


def drop(files: Files, path: str) -> None:
    """Have nothing at the path, as far as that can be had."""
    with suppress(OSError):
        files.unlink(path)


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]
