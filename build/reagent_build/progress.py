"""What a person sees while it runs: a live bar on a terminal, plain lines everywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from rich.progress import TaskID

T = TypeVar("T")

Moved = Callable[[int], None]
"""Hears how many more bytes went over the line."""


def unheard(_: int) -> None:
    """Progress that nobody watches."""


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

    def transfer(self, text: str, size: int) -> AbstractContextManager[Moved]:
        """Begin to move so many bytes; what it yields hears of each part."""
        self.step(f"{text} ({_megabytes(size)} MB)")
        return nullcontext(unheard)

    def say(self, text: str) -> None:
        """Leave a line that stays."""
        print(text, flush=True)


class RichProgress:
    """A bar for the step that is under way; a line with a tick for each that is done."""

    def __init__(self) -> None:
        from rich import markup  # noqa: PLC0415 - a plain run does without it
        from rich import progress as rich  # noqa: PLC0415 - as above

        self._escape = markup.escape
        self._bars = rich.Progress(
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(24),
            rich.TextColumn("{task.fields[moved]}"),
            rich.TimeElapsedColumn(),
        )
        self._current: tuple[TaskID, str, float] | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._settle("[green]✓[/]" if kind is None else "[red]✗[/]")
        self._bars.stop()

    def step(self, text: str) -> None:
        """Begin something that takes a while."""
        self._begin(text, None)

    @contextmanager
    def transfer(self, text: str, size: int) -> Iterator[Moved]:
        """Begin to move so many bytes; what it yields hears of each part."""
        task = self._begin(text, size)
        done = 0

        def hear(more: int) -> None:
            nonlocal done
            done += more
            moved = f"{_megabytes(done)} of {_megabytes(size)} MB"
            self._bars.update(task, completed=done, moved=moved)

        yield hear
        self._bars.refresh()

    def say(self, text: str) -> None:
        """Leave a line that stays."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _begin(self, text: str, size: int | None) -> "TaskID":
        self._settle("[green]✓[/]")
        task = self._bars.add_task(text, total=size, moved="")
        self._current = (task, text, time.monotonic())
        return task

    def _settle(self, mark: str) -> None:
        if self._current is None:
            return
        (task, text, began), self._current = self._current, None
        self._bars.remove_task(task)
        took = time.monotonic() - began
        line = f"{mark} {self._escape(text)} [dim]{took:.1f} s[/]"
        self._bars.console.print(line, highlight=False, soft_wrap=True)


def on_terminal(
    live: Callable[[], AbstractContextManager[T]], plain: Callable[[], T]
) -> AbstractContextManager[T]:
    """The one that fits standard output; the plain one too where rich is not installed."""
    if sys.stdout.isatty():
        try:
            return live()
        except ImportError:
            pass
    return nullcontext(plain())


def shown() -> "AbstractContextManager[PlainProgress | RichProgress]":
    """One step after the other, as it fits standard output."""
    return on_terminal(RichProgress, PlainProgress)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
