"""Counts, times and limits of the log queries (docs/contract/streams.md 1.15, wamp.md 9.1, 9.3).

Instants are whole nanoseconds since 1970, so that what Docker stamps is compared exactly.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from reagent.errors import BadRequest

MOST_LINES: Final = 5000
"""Lines that one answer may hold."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""UTF-8 bytes, one more a line, that one answer may hold: routers drop frames over 16 MiB."""

SECOND: Final = 1_000_000_000
"""Nanoseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LAST: Final = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LONGEST: Final = 2**63  # what Go's duration can hold

_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DURATION: Final = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+", re.ASCII
)
_PART: Final = re.compile(r"(\d*)\.?(\d*)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,19}", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}


def count(request: Mapping[str, object], field: str) -> int:
    """A whole number of at least zero, in any numeric form; 0 when absent or null.

    Raises:
        BadRequest: anything else; the text names the field.
    """
    value = request.get(field)
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        return count({field: int(value)}, field)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRequest(f"{field} is not a count: a whole number of at least zero is expected")
    return value


def lines_wanted(request: Mapping[str, object], otherwise: int) -> int:
    """`tail`: zero and absent mean `otherwise`, more than 5000 means 5000.

    Raises:
        BadRequest: it is no count.
    """
    return min(count(request, "tail") or otherwise, MOST_LINES)


def bound(request: Mapping[str, object], field: str, now: int) -> int | None:
    """`since` or `until`, None when there is no bound.

    Raises:
        BadRequest: it is no instant; the text names the field.
    """
    value = request.get(field)
    if value is None or value == "":
        return None
    instant = _instant(value, now) if isinstance(value, str) else None
    if instant is None:
        raise BadRequest(
            f"{field} is not a time: RFC 3339, a duration such as 30m, or Unix seconds expected"
        )
    return instant


def parse_rfc3339(text: str) -> int | None:
    """The instant, None when the text is not exactly one."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    *fields, fraction, sign, hours, minutes = found.groups()
    try:
        year, month, day, hour, minute, second = map(int, fields)
        there = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    offset = 0
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return None
        offset = (int(hours) * 60 + int(minutes)) * (-60 if sign == "-" else 60)
    seconds = (there - _EPOCH) // timedelta(seconds=1) - offset
    if not _FIRST <= seconds <= _LAST:
        return None
    return seconds * SECOND + int((fraction or "0")[:9].ljust(9, "0"))


def rfc3339(instant: int) -> str:
    """`2031-05-06T07:08:09Z`."""
    there = _EPOCH + timedelta(seconds=instant // SECOND)
    return there.replace(tzinfo=None).isoformat() + "Z"


def nanoseconds(seconds: float) -> int:
    """An instant of a clock."""
    return int(seconds * 1_000_000) * 1_000


class Newest:
    """The newest lines, as many as one answer may hold.

    Args:
        lines: how many at most.
        limit: bytes at most; a line counts its UTF-8 length and one.
    """

    def __init__(self, lines: int, limit: int = MOST_BYTES) -> None:
        self._lines: deque[str] = deque()
        self._most = lines
        self._limit = limit
        self._bytes = 0
        self.truncated = False

    def add(self, line: str) -> None:
        """Take the next line; the oldest make room for it."""
        self._lines.append(line)
        self._bytes += _weight(line)
        while len(self._lines) > self._most or self._bytes > self._limit:
            self._bytes -= _weight(self._lines.popleft())
            self.truncated = True

    def lines(self) -> list[str]:
        """What is left."""
        return list(self._lines)


def trim(lines: Iterable[str], limit: int = MOST_BYTES) -> tuple[list[str], bool]:
    """The newest of the lines within the limit, and whether any had to go."""
    all_lines: Sequence[str] = list(lines)
    newest = Newest(len(all_lines), limit)
    for line in all_lines:
        newest.add(line)
    return newest.lines(), newest.truncated


def _weight(line: str) -> int:
    return len(line.encode("utf-8", "surrogatepass")) + 1


def _instant(text: str, now: int) -> int | None:
    text = text.strip()
    if (instant := parse_rfc3339(text)) is not None:
        return instant
    if text in {"0", "+0", "-0"}:
        return now
    if _DURATION.fullmatch(text):
        ago = sum(_part(*part) for part in _PART.findall(text.lstrip("+-")))
        return now - ago if ago < _LONGEST else None
    if _INTEGER.fullmatch(text) and len(text) < 20:
        seconds = int(text)
        return seconds * SECOND if _FIRST <= seconds <= _LAST else None
    return None


def _part(whole: str, fraction: str, unit: str) -> int:
    value = int(whole[:20] or "0") * _UNITS[unit]
    if fraction:
        value += int(fraction[:18]) * _UNITS[unit] // 10 ** len(fraction[:18])
    return value if len(whole) <= 20 else _LONGEST
