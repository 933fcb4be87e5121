"""From bytes to lines, in batches (docs/contract/streams.md 1.6).

A line ends at a newline, one carriage return before it is dropped, empty lines count, the last one
may lack its newline. Longer lines than the limit are cut there and go on as the next line. Each
byte that is no UTF-8 becomes one U+FFFD (streams.md 0.1).
"""

from __future__ import annotations

import codecs

LIMIT = 1 << 20
_EACH_BYTE = "reagent.each-byte"


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    """Python's own `replace` makes one character of the beginning of a torn one."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error(_EACH_BYTE, _replace_each_byte)


class Splitter:
    """Collects bytes, gives back the lines that they complete."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in `data`; may be empty."""
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._hold(data)
            return self._overflow() if self._held > self._limit else []
        whole = b"".join([*self._parts, data[:cut]]) if self._parts else data[:cut]
        self._parts, self._held = [], 0
        if cut < len(data):
            self._hold(data[cut:])
        if len(whole) > self._limit:
            return self._slowly(whole)
        return decoded(whole).replace("\r\n", "\n")[:-1].split("\n")

    def finish(self) -> list[str]:
        """The last line, when it lacks its newline."""
        if not self._held:
            return []
        rest = b"".join(self._parts)
        self._parts, self._held = [], 0
        return [_last(rest)]

    def _hold(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)

    def _overflow(self) -> list[str]:
        *full, rest = _pieces(b"".join(self._parts), self._limit)
        self._parts, self._held = [rest], len(rest)
        return [decoded(piece) for piece in full]

    def _slowly(self, whole: bytes) -> list[str]:
        found = []
        for line in whole[:-1].split(b"\n"):
            *full, rest = _pieces(line, self._limit)
            found += [*map(decoded, full), _last(rest)]
        return found


def decoded(piece: bytes | bytearray) -> str:
    """Bytes as text, whatever they are."""
    return piece.decode("utf-8", _EACH_BYTE)


def _last(piece: bytes) -> str:
    """The end of a line, without the carriage return that terminals put there."""
    return decoded(piece.removesuffix(b"\r"))


def _pieces(line: bytes, limit: int) -> list[bytes]:
    """`line` in pieces of at most `limit` bytes, no character torn; at least one piece."""
    pieces = []
    start = 0
    while len(line) - start > limit:
        end = start + limit
        while end > start + limit - 4 and line[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        pieces.append(line[start:end])
        start = end
    pieces.append(line[start:])
    return pieces
