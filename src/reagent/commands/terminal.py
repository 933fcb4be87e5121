"""Lines and a progress bar for a person; plain lines where nobody watches."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final, TextIO

_WIDTH: Final = 30
_PLAIN_STEPS: Final = 10


class Bar:
    """How far a file is: one line that moves on a terminal, ten lines elsewhere.

    Args:
        title: what is on its way.
        stream: where it is shown; stderr, so that an answer can be read by a program.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = sys.stderr if stream is None else stream
        self._moves = self._stream.isatty()
        self._shown = -1

    def show(self, done: int, total: int) -> None:
        """So many bytes of so many are there."""
        steps = _WIDTH if self._moves else _PLAIN_STEPS
        step = steps * done // total if total else 0
        if step == self._shown:
            return
        self._shown = step
        size = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
        if self._moves:
            bar = "#" * step + "." * (steps - step)
            self._write(f"\r{self._title} [{bar}] {size}")
        else:
            self._write(f"{self._title} {size}\n")

    def end(self) -> None:
        """Leave the line."""
        if self._moves and self._shown >= 0:
            self._write("\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # nobody watches any more; what was ordered goes on
            self._stream.write(text)
            self._stream.flush()


def say(text: str) -> None:
    """One line on stdout; a closed one changes nothing."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode("utf-8", "surrogateescape"))


def complain(text: str) -> None:
    """One line on stderr."""
    with suppress(OSError):
        os.write(2, f"reagent: {text}\n".encode("utf-8", "surrogateescape"))
