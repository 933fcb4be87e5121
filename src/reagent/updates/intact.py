"""Whether a version that was staged is what was staged: before it is tried, or not fetched again.

Hands in the folder, or a careless `chmod -R`, may have taken its right to run: what has the right
bytes gets that back, for executing it would be refused for ever and fetching it not be thought of.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from reagent.contracts.files import Files, Kind

# Of every version: its owner alone writes to it, everybody may run it.
MODE: Final = 0o755
# Of what was staged and never proven, the oldest date there is: the field's manager script takes
# the newest file. A commit gives it another.
OLDEST: Final = 1.0


def fault(files: Files, path: str, sha256: str, size: int | None = None) -> str:
    """Why a file is not what was staged there; empty when it is, and may be run.

    Args:
        files: the disk.
        path: of the version.
        sha256: that it was staged with.
        size: in bytes, where it is known.
    """
    try:
        found = files.lstat(path)
        if found.kind is not Kind.FILE:
            return "it is no file"
        if size not in {None, found.size}:
            return f"it has {found.size} bytes, not {size}"
        if files.sha256(path) != sha256:
            return "its digest is another one"
    except OSError as error:
        return error.strerror or str(error)
    if found.mode != MODE:
        with suppress(OSError):  # then executing it tells
            files.chmod(path, MODE)
            files.fsync(path)
    return ""
