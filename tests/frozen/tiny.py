"""Executables of a few bytes for the target under test: ELF files that say something and end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reagent_build.targets import Target
from sandbox.emulation import marked
from sandbox.under_test import is_emulated, target

_BASE = 0x400000


def _words(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


# Each is: write(standard output, the text right behind the code, its length); exit(status).


def _amd64(size: int, status: int) -> bytes:
    text = b"\x48\x8d\x35\x13\x00\x00\x00"  # 19 bytes behind this
    return (
        (b"\xb8\x01\x00\x00\x00\xbf\x01\x00\x00\x00" + text)
        + (b"\xba" + size.to_bytes(4, "little") + b"\x0f\x05")
        + (b"\xb8\x3c\x00\x00\x00\xbf" + status.to_bytes(4, "little") + b"\x0f\x05")
    )


def _386(size: int, status: int) -> bytes:
    text = _BASE + 84 + 34
    return (
        b"\xb8\x04\x00\x00\x00\xbb\x01\x00\x00\x00"
        + (
            b"\xb9"
            + text.to_bytes(4, "little")
            + b"\xba"
            + size.to_bytes(4, "little")
            + b"\xcd\x80"
        )
        + (b"\xb8\x01\x00\x00\x00\xbb" + status.to_bytes(4, "little") + b"\xcd\x80")
    )


def _arm64(size: int, status: int) -> bytes:
    write = (0xD2800808, 0xD2800020, 0x100000C1, 0xD2800002 | size << 5, 0xD4000001)
    return _words(*write, 0xD2800BA8, 0xD2800000 | status << 5, 0xD4000001)


def _arm(size: int, status: int) -> bytes:
    write = (0xE3A07004, 0xE3A00001, 0xE28F1010, 0xE3A02000 | size, 0xEF000000)
    return _words(*write, 0xE3A07001, 0xE3A00000 | status, 0xEF000000)


def _riscv64(size: int, status: int) -> bytes:
    write = (0x04000893, 0x00100513, 0x00000597, 0x01C58593, 0x00000613 | size << 20, 0x00000073)
    return _words(*write, 0x05D00893, 0x00000513 | status << 20, 0x00000073)


@dataclass(frozen=True, slots=True)
class _Machine:
    """What an ELF header says of one, and its code."""

    number: int
    bits: int
    flags: int
    code: Callable[[int, int], bytes]


_ARM = _Machine(40, 32, 0x05000000, _arm)
_MACHINES = {
    "amd64": _Machine(62, 64, 0, _amd64),
    "386": _Machine(3, 32, 0, _386),
    "arm64": _Machine(183, 64, 0, _arm64),
    "armv7": _ARM,
    "armv6": _ARM,
    "armv5": _ARM,
    "riscv64": _Machine(243, 64, 0, _riscv64),
}


def elf(says: str, *, status: int = 0, claims: int | None = None) -> bytes:
    """An executable for the target under test, as it runs here; the arguments are as below."""
    content = executable(target(), says, status=status, claims=claims)
    return marked(content, target()) if is_emulated(target()) else content


def executable(for_: Target, says: str, *, status: int = 0, claims: int | None = None) -> bytes:
    """An executable that prints a line, whatever it is asked, and ends.

    Args:
        for_: its target.
        says: the line; at most 254 bytes.
        status: its exit status.
        claims: what its header says it is for, where that is not the truth.
    """
    machine = _MACHINES[for_.stamp]
    text = f"{says}\n".encode()
    program = machine.code(len(text), status) + text
    wide = machine.bits == 64
    address = 8 if wide else 4
    header, entry = (64, 56) if wide else (52, 32)
    start, size = _BASE + header + entry, header + entry + len(program)
    ident = b"\x7fELF" + bytes([machine.bits // 32, 1, 1]).ljust(12, b"\0")
    head = _numbers(
        (2, 2), (machine.number if claims is None else claims, 2), (1, 4), (start, address),
        (header, address), (0, address), (machine.flags, 4),
        (header, 2), (entry, 2), (1, 2), (0, 2), (0, 2), (0, 2),
    )  # fmt: skip
    places = _numbers(*((each, address) for each in (0, _BASE, _BASE, size, size)))
    loaded = (
        _numbers((1, 4), (5, 4)) + places if wide else _numbers((1, 4)) + places + _numbers((5, 4))
    )
    return ident + head + loaded + _numbers((4096, address)) + program


def _numbers(*numbers: tuple[int, int]) -> bytes:
    return b"".join(number.to_bytes(width, "little") for number, width in numbers)
