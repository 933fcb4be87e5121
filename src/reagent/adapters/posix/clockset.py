"""Whether somebody who knows the time has set the clock, as Linux can tell.

Two say so, and one is enough. The kernel, which whoever disciplines its clock (chrony, ntpd,
systemd-timesyncd, PTP) tells that it is synchronised; it forgets that some nine hours after the
last word. And a file of systemd-timesyncd, which stands from the first time of this boot on: a
clock that was right this morning has not gone wrong by years.

A clock that was set by hand, from a battery, or by nobody is not synchronised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

_TIMESYNCD: Final = "/run/systemd/timesync/synchronized"
# <sys/timex.h>: longs, then `status`; the rest is room for what the kernel writes behind it.
_UNSYNCHRONISED: Final = 0x0040
_LONGS_BEFORE_STATUS: Final = 5
_LARGEST: Final = 512


def clock_is_set(said: str = _TIMESYNCD) -> bool:
    """Whether it is synchronised; False where nobody knows.

    Args:
        said: the file of systemd-timesyncd.
    """
    return _kernel()() is True or os.path.exists(said)  # noqa: PTH110 - every look asks


def _kernel() -> Callable[[], bool | None]:
    try:
        import _reagent  # noqa: PLC0415 - built into the static executable, nowhere else
    except ImportError:
        return _through_libc
    ask: Callable[[], bool | None] = _reagent.clock_synchronised
    return ask


def _through_libc() -> bool | None:
    """The same question where there is no C of ours; None where the kernel does not say."""
    import ctypes  # noqa: PLC0415 - a source tree and other freezers alone

    buffer = (ctypes.c_long * (_LARGEST // ctypes.sizeof(ctypes.c_long)))()
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(buffer))
    except (OSError, AttributeError, TypeError):  # the last where there is no libc to speak of
        return None
    if answer < 0:
        return None
    status = ctypes.c_int.from_buffer(buffer, _LONGS_BEFORE_STATUS * ctypes.sizeof(ctypes.c_long))
    return not status.value & _UNSYNCHRONISED
