"""Containers without a terminal send their two streams in frames of an eight-byte header.

Frames need not hold whole lines; those of one stream are put together before the other's go on.
"""

from __future__ import annotations

from reagent.adapters.docker.lines import LIMIT

_HEADER = 8


class Frames:
    """Takes the framing off; what it gives back consists of whole lines."""

    def __init__(self) -> None:
        self._rest = b""
        self._open: dict[int, bytes] = {}

    def feed(self, block: bytes) -> bytes:
        """The whole lines, newlines included, that `block` completes; may be empty."""
        data = self._rest + block if self._rest else block
        out: list[bytes] = []
        position, length = 0, len(data)
        while length - position >= _HEADER:
            start = position + _HEADER
            end = start + int.from_bytes(data[position + 4 : start], "big")
            if end > length:
                break
            self._frame(data[position], data[start:end], out)
            position = end
        self._rest = data[position:]
        return b"".join(out)

    def finish(self) -> bytes:
        """What lacks its newline, one line a stream."""
        rest = b"\n".join(part for part in self._open.values() if part)
        self._open.clear()
        return rest

    def _frame(self, stream: int, payload: bytes, out: list[bytes]) -> None:
        held = self._open.pop(stream, b"")
        whole = held + payload if held else payload
        if whole.endswith(b"\n"):
            out.append(whole)
            return
        cut = whole.rfind(b"\n") + 1
        if len(whole) - cut > LIMIT:
            out.append(whole[:cut] + whole[cut : cut + LIMIT] + b"\n")
            cut += LIMIT
        elif cut:
            out.append(whole[:cut])
        if cut < len(whole):
            self._open[stream] = whole[cut:]
