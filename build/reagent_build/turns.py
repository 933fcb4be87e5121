"""What several targets need is made once: the others wait for whoever came first."""

from threading import Lock
from typing import Final

_LOCKS: Final[dict[str, Lock]] = {}


def turn(name: str) -> Lock:
    """The lock of everybody in this process who makes what is called `name`."""
    return _LOCKS.setdefault(name, Lock())
