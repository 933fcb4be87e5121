"""The rolling log file: append, roll at 100 MiB, keep two old ones (docs/contract/streams.md 1.16).

A log that cannot be written costs one line on stderr for each entry and nothing else: a full disk
or a read-only one is no reason to leave a device unreachable. The file is private, because what
happened on a device is nobody else's business; one that the reference left readable is tightened.
"""

# What is done here is done to descriptors.
# ruff: noqa: PTH103, PTH104, PTH108, PTH118, PTH120, PTH122, PTH208

from __future__ import annotations

import calendar
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from reagent.log import Entry
from reagent.settings.opening import BINARY, NO_TERMINAL, NO_WAIT

ROLL_AT: Final = 100 * 1024 * 1024
KEPT: Final = 2
_MODE: Final = 0o600
_SECONDS: Final = "%Y-%m-%dT%H-%M-%S"


class LogFile:
    """A sink for `reagent.log`. Threads may share it; it opens the file with the first entry.

    Args:
        path: the file; its folder is made where it is missing.
        roll_at: size in bytes that the file does not grow beyond.
        now: seconds since 1970, for the name of a rolled file.
    """

    def __init__(
        self, path: str, *, roll_at: int = ROLL_AT, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._roll_at = roll_at
        self._now = now
        self._descriptor = -1
        self._mutex = threading.Lock()

    def __call__(self, entry: Entry) -> None:
        """Append one line, whole or not at all in the view of other writers."""
        line = entry.json()
        with self._mutex:
            try:
                self._append(line)
            except OSError as error:
                self._close()
                _complain(f"the log {self._path} cannot be written: {error.strerror or error}")

    def close(self) -> None:
        """Let go of the file; the next entry opens it again."""
        with self._mutex:
            self._close()

    def _append(self, line: bytes) -> None:
        found = self._opened()
        if stat.S_ISREG(found.st_mode) and found.st_size + len(line) > self._roll_at:
            if found.st_size > 0:
                self._roll()
            self._opened()
        written = os.write(self._descriptor, line)
        if written < len(line):
            # The disk filled up in the middle; what is missing is told by the next attempt's error.
            os.write(self._descriptor, line[written:])

    def _opened(self) -> os.stat_result:
        """The state of the open file; one that was moved or deleted is opened anew."""
        if self._descriptor >= 0:
            found = os.fstat(self._descriptor)
            if found.st_nlink > 0 or not stat.S_ISREG(found.st_mode):
                return found
            self._close()
        folder = os.path.dirname(self._path)
        if folder:
            os.makedirs(folder, mode=0o755, exist_ok=True)
        # Without O_NONBLOCK a named pipe nobody reads would stop the agent here.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_WAIT | NO_TERMINAL | BINARY
        self._descriptor = os.open(self._path, flags, _MODE)
        found = os.fstat(self._descriptor)
        if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != _MODE:
            with suppress(OSError):  # somebody else's file, or a file system without modes
                os.fchmod(self._descriptor, _MODE)
        return found

    def _roll(self) -> None:
        """Rename the file, and drop the oldest beyond what is kept.

        Where the folder refuses, the file just grows on: a line too much is better than none.
        """
        if sys.platform == "win32":  # which renames no open file
            self._close()
        try:
            os.rename(self._path, self._rolled_name())
        except OSError as error:
            _complain(f"the log {self._path} cannot be rolled: {error.strerror or error}")
            return
        self._close()
        self._drop_oldest()

    def _rolled_name(self) -> str:
        """The time in UTC; but never older than the newest one, whatever the clock says.

        Readers and `_drop_oldest` take the order of the names for the order of the lines, and a
        device without a clock battery starts in 1970.
        """
        milliseconds = max([int(self._now() * 1000), *(at + 1 for at, _ in self._rolled())])
        when = time.strftime(_SECONDS, time.gmtime(milliseconds // 1000))
        stem, extension = os.path.splitext(self._path)
        return f"{stem}-{when}.{milliseconds % 1000:03d}{extension}"

    def _drop_oldest(self) -> None:
        for _, path in sorted(self._rolled())[:-KEPT]:
            try:
                os.unlink(path)
            except OSError as error:
                _complain(f"the old log {path} cannot be removed: {error.strerror or error}")

    def _rolled(self) -> list[tuple[int, str]]:
        """Milliseconds since 1970 and path of every rolled file; nothing else there is ours."""
        folder, name = os.path.split(self._path)
        stem, extension = os.path.splitext(name)
        found = []
        for entry in os.listdir(folder or "."):
            if entry.startswith(stem + "-") and entry.endswith(extension):
                at = _moment(entry[len(stem) + 1 : len(entry) - len(extension)])
                if at is not None:
                    found.append((at, os.path.join(folder, entry)))
        return found

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _moment(text: str) -> int | None:
    """Milliseconds since 1970 of a rolled file's name; None where it is no such name."""
    seconds, dot, milliseconds = text.rpartition(".")
    if not dot or len(milliseconds) != 3 or not milliseconds.isdecimal():
        return None
    try:
        return calendar.timegm(time.strptime(seconds, _SECONDS)) * 1000 + int(milliseconds)
    except ValueError:
        return None


def _complain(text: str) -> None:
    try:
        sys.stderr.write(f"reagent: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed, or never there
        return
