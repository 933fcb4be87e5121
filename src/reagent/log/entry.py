"""One event of the log, and the two forms it is written in."""

from __future__ import annotations

import json
import time
from typing import Final

TRACE: Final = 0
DEBUG: Final = 10
INFO: Final = 20
WARN: Final = 30
ERROR: Final = 40
FATAL: Final = 50

# The words of the file, which the platform ranks (docs/contract/streams.md 1.14), and their short
# forms for a person.
WORDS: Final = {
    TRACE: ("trace", "TRC"),
    DEBUG: ("debug", "DBG"),
    INFO: ("info", "INF"),
    WARN: ("warn", "WRN"),
    ERROR: ("error", "ERR"),
    FATAL: ("fatal", "FTL"),
}

_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Entry:
    """What happened, where in the source, and when (seconds since 1970). Holds no secret."""

    __slots__ = ("caller", "fields", "level", "message", "seconds")

    def __init__(
        self, level: int, message: str, fields: dict[str, object], caller: str, seconds: float
    ) -> None:
        self.level = level
        self.message = message
        self.fields = fields
        self.caller = caller
        self.seconds = seconds

    @property
    def word(self) -> str:
        """The level as it stands in the line."""
        return WORDS[self.level][0]

    def json(self) -> bytes:
        """The line for the file, newline included."""
        text = _encoder.encode(
            {
                "level": self.word,
                **self.fields,
                "caller": self.caller,
                "time": rfc3339(self.seconds),
                "message": self.message,
            }
        )
        # A lone surrogate (a file name that is not UTF-8) becomes what JSON calls an escape.
        return text.encode("utf-8", "backslashreplace") + b"\n"

    def console(self) -> str:
        """The line for a person, newline included."""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.seconds))
        head = f"{when} {WORDS[self.level][1]} {self.caller} > {self.message}"
        return head + self.details() + "\n"

    def details(self) -> str:
        """The fields as ` name=value`, on one line."""
        return "".join(f" {name}={_plain(value)}" for name, value in self.fields.items())


def rfc3339(seconds: float) -> str:
    """Local time with its offset, whole seconds; `Z` where the offset is zero."""
    there = time.localtime(seconds)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", there)
    minutes = there.tm_gmtoff // 60
    if minutes == 0:
        return text + "Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{text}{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def _plain(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and not set(value) & set(' "='):
        return value
    return _encoder.encode(value)
