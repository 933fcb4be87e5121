"""How long to wait before the next try. Pure: the die is an argument."""

from __future__ import annotations

BASE_S = 1.0
CAP_S = 60.0
_MAX_DOUBLINGS = 16


def full_jitter(failures: int, die: float, *, base: float = BASE_S, cap: float = CAP_S) -> float:
    """Anything between nothing and a window that doubles with every failure.

    A fleet that lost its router at the same moment comes back spread over the whole window, which
    equal steps or a jitter of some percent would not do.

    Args:
        failures: failures in a row so far; 1 gives the first window.
        die: a number in [0, 1).
        base: the first window, seconds.
        cap: the widest window, seconds.

    Returns:
        Seconds to wait; 0 when nothing failed yet.
    """
    if failures < 1:
        return 0.0
    window = base * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
    return die * min(cap, window)
