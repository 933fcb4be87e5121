"""What a body looks like on the wire: chunked, counted, or until the end of the connection.

A busy container's log comes as one chunk a line, so decoding works on whole blocks of what was
received and spends a handful of byte operations on a chunk.
"""

from __future__ import annotations

from typing import Protocol


class Malformed(Exception):
    """The other side does not speak HTTP as it should."""


class Decoder(Protocol):
    """Turns received blocks into body bytes."""

    @property
    def done(self) -> bool:
        """Whether the body is complete."""
        ...

    def feed(self, block: bytes) -> bytes:
        """The body bytes that `block` completes; may be empty."""
        ...


class Chunked:
    """`Transfer-Encoding: chunked`; trailers are dropped."""

    def __init__(self) -> None:
        self.done = False
        self._rest = b""
        self._missing = 0  # of the current chunk, its line end included

    def feed(self, block: bytes) -> bytes:
        """Decode; raises `Malformed`."""
        data = self._rest + block if self._rest else block
        self._rest = b""
        pieces: list[bytes] = []
        position, length = 0, len(data)
        if self._missing:
            position = min(self._missing, length)
            payload = min(self._missing - 2, length)
            if payload > 0:
                pieces.append(data[:payload])
            self._missing -= position
        find = data.find
        while position < length:
            eol = find(b"\r\n", position)
            if eol < 0:
                self._rest = data[position:]
                if len(self._rest) > _LONGEST_SIZE_LINE:
                    raise Malformed("a chunk without its size")
                break
            start = eol + 2
            size = _size(data[position:eol])
            if size == 0:
                self.done = data.find(b"\r\n\r\n", eol) >= 0  # after the trailers
                self._rest = data[position:]
                if not self.done and len(self._rest) > _LONGEST_TRAILERS:
                    raise Malformed("trailers without an end")
                break
            end = start + size
            position = end + 2
            pieces.append(data[start:end])
            if position > length:
                self._missing = position - length
        return b"".join(pieces)


class Counted:
    """`Content-Length`."""

    def __init__(self, length: int) -> None:
        self._missing = length

    @property
    def done(self) -> bool:
        """Whether all of it came."""
        return self._missing == 0

    def feed(self, block: bytes) -> bytes:
        """Count."""
        body = block[: self._missing]
        self._missing -= len(body)
        return body


class UntilClosed:
    """Neither: whatever comes, until the other side closes."""

    done = False

    def feed(self, block: bytes) -> bytes:
        """Pass on."""
        return block


_LONGEST_SIZE_LINE = 1024
_LONGEST_TRAILERS = 64 * 1024


def _size(line: bytes) -> int:
    """Hexadecimal digits and nothing else: a sign would lead backwards, for ever."""
    digits = line if line.isalnum() else line.partition(b";")[0].strip()
    try:
        if digits.isalnum():
            return int(digits, 16)
    except ValueError:
        pass
    raise Malformed(f"a chunk of size {line[:20]!r}")
