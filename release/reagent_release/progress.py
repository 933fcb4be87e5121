"""What a person sees while it runs: as in a build, and how far a transfer is."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from reagent_build import progress as build
from reagent_release.store import Moved, unheard


class Progress(Protocol):
    """Where a release says what it is at."""

    def step(self, text: str) -> None:
        """Begin something that takes a while."""

    def transfer(self, text: str, size: int) -> AbstractContextManager[Moved]:
        """Begin to move so many bytes; what it yields hears of each part."""


class PlainProgress(build.PlainProgress):
    """One line a step, with the seconds since the start."""

    def transfer(self, text: str, size: int) -> AbstractContextManager[Moved]:
        """Begin to move so many bytes."""
        self.step(f"{text} ({_megabytes(size)} MB)")
        return nullcontext(unheard)


class RichProgress(build.RichProgress):
    """A spinner with the current step, and how much of a transfer is done."""

    @contextmanager
    def transfer(self, text: str, size: int) -> Iterator[Moved]:
        """Begin to move so many bytes."""
        moved = 0

        def hear(more: int) -> None:
            nonlocal moved
            moved += more
            percent = 100 * moved // max(size, 1)
            self._status.update(
                f"{text}  {_megabytes(moved)} of {_megabytes(size)} MB, {percent} %"
            )

        self.step(text)
        yield hear


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


def shown() -> AbstractContextManager[Progress]:
    """The one that fits standard output."""
    if sys.stdout.isatty():
        try:
            return RichProgress()
        except ImportError:
            pass
    return nullcontext(PlainProgress())
