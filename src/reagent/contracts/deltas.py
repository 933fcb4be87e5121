"""A new version out of the one that runs and what differs."""

from __future__ import annotations

from typing import Protocol


class Deltas(Protocol):
    """Unpacks deltas. Whether what it makes is what was published, is found out as for any file."""

    @property
    def available(self) -> bool:
        """Whether this build can do it at all."""
        ...

    def unpack(self, base: str, delta: bytes, most: int) -> bytes:
        """Make the new file; to be called in a thread.

        Args:
            base: path of the old file.
            delta: as it was published.
            most: bytes that the new file may have.

        Raises:
            Damaged: nothing comes of these two.
            OSError: the old file cannot be read.
        """
        ...
