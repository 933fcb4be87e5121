"""Where a release says what it is at; what shows it is the build's (reagent_build.progress)."""

from contextlib import AbstractContextManager
from typing import Protocol

from reagent_build.progress import Moved


class Progress(Protocol):
    """One step after the other."""

    def step(self, text: str) -> None:
        """Begin something that takes a while."""

    def transfer(self, text: str, size: int) -> AbstractContextManager[Moved]:
        """Begin to move so many bytes; what it yields hears of each part."""
