"""Memory of this process, as Linux counts it and the static executable gives it back.

What a start leaves behind is large: code that ran once, heap that is free. The executable's own
module returns both to the kernel. A source tree or another freezer has no such module, and nothing
is given back there.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

_STATM = "/proc/self/statm"
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessMemory:
    """Implements `contracts.memory.Memory`."""

    def __init__(self) -> None:
        self._trim = _trim()

    def resident(self) -> int:
        """See the contract."""
        try:
            with open(_STATM, "rb") as file:  # noqa: PTH123 - one line of /proc
                return int(file.read().split()[1]) * _PAGE
        except (OSError, ValueError, IndexError):
            return 0

    def give_back(self) -> None:
        """See the contract."""
        gc.collect()
        if self._trim is not None:
            self._trim()


def _trim() -> Callable[[], object] | None:
    try:
        import _reagent  # noqa: PLC0415 - built into the static executable, nowhere else
    except ImportError:
        return None
    trim: Callable[[], object] = _reagent.trim
    return trim
