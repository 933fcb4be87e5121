"""When a line is too slow to be waited for. Pure."""

from __future__ import annotations

from typing import Final

# A modem of the last century brings ten times as much. A server that drips a byte a second keeps
# every single wait short, and would hold an update up for months.
LEAST: Final = 16 * 1024


class Pace:
    """Sums up what came while we waited; whoever writes to a slow disk meanwhile is not counted.

    Args:
        window: seconds of waiting in which `LEAST` bytes have to come.
        longest: seconds of waiting in all.
    """

    def __init__(self, window: float, longest: float) -> None:
        self._window = window
        self._longest = longest
        self._in_window = 0.0
        self._bytes = 0
        self._in_all = 0.0

    def keeps_up(self, size: int, waited: float) -> bool:
        """Note `size` bytes that were waited for so long; False: give up."""
        self._bytes += size
        self._in_window += waited
        self._in_all += waited
        if self._in_all > self._longest:
            return False
        if self._in_window < self._window:
            return True
        enough = self._bytes >= LEAST
        self._in_window, self._bytes = 0.0, 0
        return enough
