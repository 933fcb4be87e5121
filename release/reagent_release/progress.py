"""What a person sees while it runs: bars on a terminal, plain lines everywhere else."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, Self

from reagent_release.store import Moved, unheard

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress(Protocol):
    """Where a release says what it is at."""

    def step(self, text: str) -> None:
        """Begin something that takes a while."""

    def transfer(self, text: str, size: int) -> AbstractContextManager[Moved]:
        """Begin to move so many bytes; what it yields hears of each part."""


class PlainProgress:
    """One line a step, with the seconds since the start; a transfer says how long it took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def step(self, text: str) -> None:
        """Begin something that takes a while."""
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", flush=True)

    @contextmanager
    def transfer(self, text: str, size: int) -> Iterator[Moved]:
        """Begin to move so many bytes."""
        self.step(f"{text} ({size / 1e6:.1f} MB)")
        yield unheard


class RichProgress:
    """A bar for each transfer, a spinner for everything else."""

    def __init__(self) -> None:
        from rich.progress import (  # noqa: PLC0415 - a plain run does without it
            BarColumn,
            DownloadColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TimeElapsedColumn(),
        )
        self._current: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def step(self, text: str) -> None:
        """Begin something that takes a while."""
        self._finish()
        self._current = self._bars.add_task(text, total=None)

    @contextmanager
    def transfer(self, text: str, size: int) -> Iterator[Moved]:
        """Begin to move so many bytes."""
        self._finish()
        bar = self._bars.add_task(text, total=size)
        self._current = bar
        yield lambda more: self._bars.advance(bar, more)

    def _finish(self) -> None:
        if self._current is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._current)]
            total = task.total or 1
            self._bars.update(self._current, total=total, completed=total)
            self._current = None


@contextmanager
def shown() -> Iterator[Progress]:
    """The one that fits standard output."""
    if not sys.stdout.isatty():
        yield PlainProgress()
        return
    try:
        bars = RichProgress()
    except ImportError:
        yield PlainProgress()
        return
    with bars:
        yield bars
