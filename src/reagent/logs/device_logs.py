"""One window of the agent's own log, for `query_device_logs` (docs/contract/streams.md 1.14).

The files hold up to 300 MiB, and what is asked for is nearly always at their end. They are read
backwards, and no further than the answer needs.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from reagent.errors import BadRequest, NotFound
from reagent.logs import window

_DEFAULT_TAIL: Final = 300
# Of a longer line the beginning is looked at: a file that somebody filled with anything must not
# fill the memory.
LONGEST_LINE: Final = 1024 * 1024
_RANKS: Final = {"trace": 0, "debug": 1, "info": 2, "warn": 3, "error": 4, "fatal": 5, "panic": 6}
_INFO: Final = _RANKS["info"]


@dataclass(frozen=True, slots=True)
class _Line:
    """What is said, and what it is judged by; `at` None is undated."""

    text: str
    rank: int
    at: int | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    floor: int
    since: int | None
    until: int | None

    def __contains__(self, line: object) -> bool:
        if not isinstance(line, _Line) or line.rank < self.floor:
            return False
        if line.at is None:
            return True
        return (self.since is None or line.at >= self.since) and (
            self.until is None or line.at <= self.until
        )


class _Answer:
    """Lines collected from the newest to the oldest, until there are enough."""

    def __init__(self, most: int) -> None:
        self.lines: list[str] = []
        self.full = False
        self._most = most
        self._bytes = 0

    def add(self, line: str) -> None:
        """Take the next older line, unless there is no room for it."""
        if self.full:
            return
        self._bytes += len(line.encode("utf-8", "surrogatepass")) + 1
        if len(self.lines) == self._most or self._bytes > window.MOST_BYTES:
            self.full = True
        else:
            self.lines.append(line)

    def take(self, other: _Answer) -> None:
        """Take what another one holds."""
        for line in other.lines:
            self.add(line)
        self.full = self.full or other.full


def query_device_logs(
    path: str, request: Mapping[str, object] | None, now: float
) -> dict[str, object]:
    """Answer one query. Reads files: call it in a thread.

    Args:
        path: the active log file; rotated ones lie beside it.
        request: the caller's dict, None when there was none.
        now: the device's time, seconds since 1970.

    Raises:
        BadRequest: a field is wrong.
        NotFound: there is no log file.
    """
    instant = window.nanoseconds(now)
    request = request or {}
    most = window.lines_wanted(request, _DEFAULT_TAIL)
    wanted = _Wanted(
        _floor(request),
        window.bound(request, "since", instant),
        window.bound(request, "until", instant),
    )
    answer = _Answer(most)
    result: dict[str, object] = {}
    with ExitStack() as stack:
        files = _open_all(path, stack)
        for line, raw in _records(files, most):
            if line in wanted:
                answer.take(raw)
                if line.text:
                    answer.add(line.text)
            if answer.full:
                break
        oldest = _oldest(files)
    if oldest is not None:
        result["oldest_available"] = window.rfc3339(oldest)
    answer.lines.reverse()
    return {
        "lines": answer.lines,
        "returned": len(answer.lines),
        "truncated": answer.full,
        "files_scanned": len(files),
        "device_time": window.rfc3339(instant),
        **result,
    }


def _floor(request: Mapping[str, object]) -> int:
    level = request.get("level")
    if level is None:
        return _INFO
    if not isinstance(level, str):
        raise BadRequest("level is not a text: trace, debug, info, warn, error, fatal or panic")
    return _RANKS.get(level.strip().lower(), _INFO)


def _open_all(path: str, stack: ExitStack) -> list[BinaryIO]:
    """The log's files, the oldest first; what cannot be opened is left out."""
    if not path.strip():
        raise NotFound("there is no log file: its path is empty")
    paths = _paths(Path(path))
    if not paths:
        raise NotFound(f"there is no log file {path}")
    files: list[BinaryIO] = []
    for each in paths:
        # Nothing but a file: opening a pipe would wait for a writer.
        with suppress(OSError):
            if stat.S_ISREG(each.stat().st_mode):
                files.append(stack.enter_context(each.open("rb")))
    if not files:
        raise NotFound(f"there is no log file {path} that can be read")
    return files


def _paths(active: Path) -> list[Path]:
    try:
        beside = list(active.parent.iterdir())
    except OSError:
        return []
    rotated = sorted(
        entry
        for entry in beside
        if entry.name.startswith(f"{active.stem}-")
        and entry.name.endswith(active.suffix)
        and entry.name != active.name
    )
    return rotated + [entry for entry in beside if entry.name == active.name]


def _records(files: list[BinaryIO], most: int) -> Iterator[tuple[_Line, _Answer]]:
    """From the newest to the oldest: a record, and the lines that followed it, newest first.

    Lines that are no records belong to the record before them, in whichever file that is. Of
    those, no more than an answer can hold are kept.
    """
    raw = _Answer(most)
    for file in reversed(files):
        for data in backwards(file):
            text = data.decode("utf-8", "replace").rstrip("\r")
            if not text.strip():
                continue
            line = _parse(text)
            if line is None:
                raw.add(text)
                continue
            yield line, raw
            raw = _Answer(most)
    yield _Line("", _INFO, None), raw


def backwards(file: BinaryIO, block: int = 256 * 1024) -> Iterator[bytes]:
    """The lines of a file, the last first, read in blocks of so many bytes.

    Of a line over `LONGEST_LINE` comes its beginning, of that length and less than a block more.
    """
    position = file.seek(0, os.SEEK_END)
    rest: list[bytes] = []  # of a line whose beginning is still to come, in reverse
    held = 0
    while position > 0:
        start = max(position - block, 0)
        file.seek(start)
        head, *lines = file.read(position - start).split(b"\n")
        position = start
        if lines:
            rest.append(lines.pop())
            yield b"".join(reversed(rest))
            yield from reversed(lines)
            rest, held = [], 0
        rest.append(head)
        held += len(head)
        while held - len(rest[0]) >= LONGEST_LINE:
            held -= len(rest.pop(0))
    if rest:
        yield b"".join(reversed(rest))


def _parse(text: str) -> _Line | None:
    """A record of the agent's log as it is shown; None for anything else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    time, level, message, error = (
        value if isinstance(value := record.get(key), str) else ""
        for key in ("time", "level", "message", "error")
    )
    if not (time or level or message):
        return None
    at = window.parse_rfc3339(time)
    parts = ["" if at is None else window.rfc3339(at), level.upper(), message]
    shown = " ".join(part for part in parts if part)
    return _Line(f"{shown}: {error}" if error else shown, _RANKS.get(level.lower(), _INFO), at)


def _oldest(files: list[BinaryIO]) -> int | None:
    """The time of the first dated line."""
    for file in files:
        file.seek(0)
        while data := file.readline(LONGEST_LINE):
            line = _parse(data.decode("utf-8", "replace").strip())
            if line is not None and line.at is not None:
                return line.at
    return None
