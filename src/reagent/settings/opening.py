"""Flags of `os.open` that not every system has. What a system lacks there it does not need.

Windows knows no links or terminals that one could open by mistake, but a mode in which it changes
line ends, and that one is the default.
"""

from __future__ import annotations

import os
from typing import Final

BINARY: Final[int] = getattr(os, "O_BINARY", 0)
CLOSE_ON_EXEC: Final[int] = getattr(os, "O_CLOEXEC", 0)
FOLDER: Final[int] = getattr(os, "O_DIRECTORY", 0)
NO_LINK: Final[int] = getattr(os, "O_NOFOLLOW", 0)
NO_TERMINAL: Final[int] = getattr(os, "O_NOCTTY", 0)
NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read there; where a system has no `pread`, the descriptor's place moves, and one may read.

    Raises:
        OSError: it cannot be read.
    """
    pread = getattr(os, "pread", None)
    if pread is not None:
        return bytes(pread(descriptor, size, offset))
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)
