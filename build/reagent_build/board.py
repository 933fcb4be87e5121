"""What a person sees of several targets at once: a bar each on a terminal, else plain lines."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol, Self

from reagent_build.progress import Progress, on_terminal

if TYPE_CHECKING:
    from rich import progress as rich


class Board(Protocol):
    """Where each target has a line of its own."""

    def line(self, name: str) -> AbstractContextManager[Progress]:
        """Begin one; it ends with the block."""


class PlainBoard:
    """A line a step, with the seconds since the start and the target's name."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = Lock()

    @contextmanager
    def line(self, name: str) -> Iterator[Progress]:
        """Begin one."""
        yield _PlainLine(self, name)

    def write(self, name: str, text: str) -> None:
        """Leave a line, whole, whoever else writes."""
        stamp = f"[{time.monotonic() - self._began:6.1f} s] {name}:"
        with self._lock:
            print(*(f"{stamp} {each}" for each in text.splitlines()), sep="\n", flush=True)


class _PlainLine:
    def __init__(self, board: PlainBoard, name: str) -> None:
        self._board, self._name = board, name

    def step(self, text: str) -> None:
        self._board.write(self._name, text)

    def say(self, text: str) -> None:
        self._board.write(self._name, text)


class RichBoard:
    """A bar a target: it runs while the target is made and is full when that is over."""

    def __init__(self) -> None:
        from rich import progress as rich  # noqa: PLC0415 - a plain run does without it

        self._bars = rich.Progress(
            rich.TextColumn("{task.fields[name]:<14}"),
            rich.BarColumn(24),
            rich.TimeElapsedColumn(),
            rich.TextColumn("{task.description}", markup=False),
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    @contextmanager
    def line(self, name: str) -> Iterator[Progress]:
        """Begin one."""
        task = self._bars.add_task("", total=None, name=name)
        line = _RichLine(self._bars, task, name)
        try:
            yield line
        finally:
            self._bars.update(task, total=1, completed=1, description=line.last)


class _RichLine:
    def __init__(self, bars: "rich.Progress", task: "rich.TaskID", name: str) -> None:
        self._bars, self._task, self._name = bars, task, name
        self.last = ""

    def step(self, text: str) -> None:
        self.last = text
        self._bars.update(self._task, description=text)

    def say(self, text: str) -> None:
        self._bars.console.print(
            f"{self._name}: {text}", markup=False, highlight=False, soft_wrap=True
        )


def board() -> AbstractContextManager[Board]:
    """The one that fits standard output."""
    return on_terminal(RichBoard, PlainBoard)
