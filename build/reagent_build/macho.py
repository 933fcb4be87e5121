"""What a Mach-O executable says about itself: enough to judge one that cannot be run here.

Only thin 64-bit little-endian files, as <mach-o/loader.h> and <mach-o/nlist.h> lay them out.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_MAGIC: Final = 0xFEEDFACF
_EXECUTE: Final = 2
_PIE: Final = 0x200000
_CPUS: Final[Mapping[int, str]] = {0x01000007: "amd64", 0x0100000C: "arm64"}
_MACOS: Final = 1

_SEGMENT, _SYMBOLS, _VERSION, _SIGNATURE, _MAIN = 0x19, 0x2, 0x32, 0x1D, 0x80000028
# LC_LOAD_DYLIB, _LOAD_WEAK_DYLIB, _REEXPORT_DYLIB, _LOAD_UPWARD_DYLIB, _LAZY_LOAD_DYLIB
_LIBRARIES: Final = frozenset({0xC, 0x80000018, 0x8000001F, 0x80000023, 0x20})

_HEADER: Final = struct.Struct("<IiIIIIII")
_COMMAND: Final = struct.Struct("<II")
_SEGMENT_COMMAND: Final = struct.Struct("<II16sQQQQiiII")
_SECTION: Final = struct.Struct("<16s16sQQIIIIIIII")
_SYMBOL: Final = struct.Struct("<IBBHQ")

_DEBUGGING, _TYPE, _EXTERNAL, _WEAK_IMPORT = 0xE0, 0x0E, 0x01, 0x40


class MachoError(ValueError):
    """The file is no Mach-O executable, or says something that its size contradicts."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where bytes lie in the file."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Import:
    """A symbol that the system's loader has to find; `weak`: it starts without it, too."""

    name: str
    library: int
    """1 is the first of `libraries`."""
    weak: bool


@dataclass(frozen=True, slots=True)
class Macho:
    """One executable."""

    arch: str
    """In our words: amd64, arm64."""
    position_independent: bool
    platform_is_macos: bool
    oldest_system: tuple[int, int]
    libraries: tuple[str, ...]
    sections: Mapping[tuple[str, str], Section]
    """By segment and section."""
    imports: tuple[Import, ...]
    signature: Section | None
    size: int


def read(content: bytes) -> Macho:
    """Take a file apart.

    Raises:
        MachoError: it is none of what this module knows.
    """
    try:
        return _read(content)
    except struct.error as error:
        raise MachoError("the file ends before what it says is in it") from error


def _read(content: bytes) -> Macho:
    magic, cpu, _, kind, count, _, flags, _ = _HEADER.unpack_from(content)
    if magic != _MAGIC or kind != _EXECUTE or cpu not in _CPUS:
        raise MachoError("no 64-bit Mach-O executable for amd64 or arm64")
    commands = list(_commands(content, count))

    def said(wanted: int, words: int) -> tuple[int, ...]:
        found = [at for command, at, _ in commands if command == wanted]
        if not found:
            return (0,) * words
        return struct.unpack_from(f"<{words}I", content, found[0] + _COMMAND.size)

    sections: dict[tuple[str, str], Section] = {}
    for command, at, _ in commands:
        if command == _SEGMENT:
            sections |= _sections(content, at)
    platform, version = said(_VERSION, 2)
    signature, signature_size = said(_SIGNATURE, 2)
    if not any(command == _MAIN for command, _, _ in commands):
        raise MachoError("it has no main function")
    ends = [each.offset + each.size for each in sections.values()]
    if max([*ends, signature + signature_size]) > len(content):
        raise MachoError("the file ends before what it says is in it")
    return Macho(
        arch=_CPUS[cpu],
        position_independent=bool(flags & _PIE),
        platform_is_macos=platform == _MACOS,
        oldest_system=(version >> 16, version >> 8 & 0xFF),
        libraries=tuple(_libraries(content, commands)),
        sections=sections,
        imports=tuple(_imports(content, *said(_SYMBOLS, 4))),
        signature=Section(signature, signature_size) if signature else None,
        size=len(content),
    )


def _libraries(content: bytes, commands: list[tuple[int, int, int]]) -> Iterator[str]:
    for command, at, size in commands:
        if command in _LIBRARIES:
            (start,) = struct.unpack_from("<I", content, at + _COMMAND.size)
            yield _text(content[at + start : at + size])


def _commands(content: bytes, count: int) -> Iterator[tuple[int, int, int]]:
    at = _HEADER.size
    for _ in range(count):
        command, size = _COMMAND.unpack_from(content, at)
        if size < _COMMAND.size:
            raise MachoError("a load command without a size")
        yield command, at, size
        at += size


def _sections(content: bytes, at: int) -> dict[tuple[str, str], Section]:
    found = {}
    count = _SEGMENT_COMMAND.unpack_from(content, at)[9]
    for index in range(count):
        place = at + _SEGMENT_COMMAND.size + index * _SECTION.size
        name, segment, _, size, offset, *_ = _SECTION.unpack_from(content, place)
        # What has no offset is zeroes that the loader makes.
        if offset:
            found[_text(segment), _text(name)] = Section(offset, size)
    return found


def _imports(content: bytes, at: int, count: int, names: int, names_size: int) -> Iterator[Import]:
    strings = content[names : names + names_size]
    for index in range(count):
        name, kind, _, about, _ = _SYMBOL.unpack_from(content, at + index * _SYMBOL.size)
        if kind & _DEBUGGING or kind & _TYPE or not kind & _EXTERNAL:
            continue
        yield Import(_text(strings[name:]), about >> 8, bool(about & _WEAK_IMPORT))


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
