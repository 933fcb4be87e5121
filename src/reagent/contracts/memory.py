"""The memory of this process."""

from __future__ import annotations

from typing import Protocol


class Memory(Protocol):
    """What the process holds, and a way to hold less; neither ever fails."""

    def resident(self) -> int:
        """Bytes that are in memory now, shared ones included; 0 when nobody says."""
        ...

    def give_back(self) -> None:
        """Let the kernel have what is not needed right now; takes milliseconds."""
        ...
