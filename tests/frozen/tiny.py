"""Executables of a few bytes: ELF files that say something and end."""

from __future__ import annotations

_BASE = 0x400000
_HEADERS = 64 + 56


def elf(says: str, *, status: int = 0, machine: int = 62) -> bytes:
    """An executable for linux/amd64 that prints a line, whatever it is asked, and ends.

    Args:
        says: the line.
        status: its exit status.
        machine: what its header claims to be for; 183 is arm64.
    """
    text = f"{says}\n".encode()
    code = (
        b"\xb8\x01\x00\x00\x00"  # write(
        b"\xbf\x01\x00\x00\x00"  # standard output,
        b"\x48\x8d\x35\x13\x00\x00\x00"  # the text, 19 bytes behind this,
         b"\xba" + len(text).to_bytes(4, "little")  # all of it)
        + b"\x0f\x05"
        + b"\xb8\x3c\x00\x00\x00"  # exit(
        + b"\xbf" + status.to_bytes(4, "little")  # status)
        + b"\x0f\x05"
    )  # fmt: skip
    size = _HEADERS + len(code) + len(text)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + b"".join(
        number.to_bytes(width, "little")
        for number, width in [
            (2, 2), (machine, 2), (1, 4), (_BASE + _HEADERS, 8), (64, 8), (0, 8), (0, 4),
            (64, 2), (56, 2), (1, 2), (0, 2), (0, 2), (0, 2),
        ]
    )  # fmt: skip
    segment = b"".join(
        number.to_bytes(width, "little")
        for number, width in [
            (1, 4), (5, 4), (0, 8), (_BASE, 8), (_BASE, 8), (size, 8), (size, 8), (4096, 8),
        ]
    )  # fmt: skip
    return header + segment + code + text
