"""What a person sees while it runs: a live line on a terminal, plain lines everywhere else."""

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, Self


class Progress(Protocol):
    """Where the build says what it is at."""

    def step(self, text: str) -> None:
        """Begin something that takes a while."""

    def say(self, text: str) -> None:
        """Leave a line that stays."""


class PlainProgress:
    """One line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def step(self, text: str) -> None:
        """Begin something that takes a while."""
        self.say(f"[{time.monotonic() - self._began:5.1f} s] {text}")

    def say(self, text: str) -> None:
        """Leave a line that stays."""
        print(text, flush=True)


class RichProgress:
    """A spinner with the current step; a tick before each that is done."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - a plain run does without it

        self._console = Console(highlight=False)
        self._status = self._console.status("")
        self._current = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._settle("[green]✓[/]" if kind is None else "[red]✗[/]")
        self._status.stop()

    def step(self, text: str) -> None:
        """Begin something that takes a while."""
        self._settle("[green]✓[/]")
        self._current, self._began = text, time.monotonic()
        self._status.update(text)

    def say(self, text: str) -> None:
        """Leave a line that stays."""
        self._console.print(text, markup=False, soft_wrap=True)

    def _settle(self, mark: str) -> None:
        if self._current:
            took = time.monotonic() - self._began
            self._console.print(f"{mark} {self._current} [dim]{took:.1f} s[/]")
        self._current = ""


def shown() -> AbstractContextManager[Progress]:
    """The one that fits standard output."""
    if sys.stdout.isatty():
        try:
            return RichProgress()
        except ImportError:
            pass
    return nullcontext(PlainProgress())
