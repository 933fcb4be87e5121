"""PyInstaller's one file, read and changed: an archive with a table of contents at its end.

The boot loader looks for the archive's end mark from the end of the file, and counts back from it
to where the archive begins. So a copy with other contents is the file as it is, the new contents,
a new table and a new mark: nothing moves.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sandbox.processes import SandboxError

_MAGIC: Final = b"MEI\014\013\012\013\016"
_MARK: Final = struct.Struct("!8sIIII64s")
_ENTRY: Final = struct.Struct("!IIIIBc")
_ALIGNMENT: Final = 16
# Behind the mark are the section headers that it was put in front of, and nothing else.
_TAIL: Final = 8192


def is_bundle(executable: Path) -> bool:
    """Whether the file ends as one of PyInstaller's does."""
    with executable.open("rb") as file:
        file.seek(max(0, executable.stat().st_size - _TAIL))
        return _MAGIC in file.read()


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    length: int
    inflated: int
    packed: int
    kind: bytes
    name: bytes

    def table(self) -> bytes:
        size = -(-(_ENTRY.size + len(self.name) + 1) // _ALIGNMENT) * _ALIGNMENT
        head = _ENTRY.pack(size, self.offset, self.length, self.inflated, self.packed, self.kind)
        return (head + self.name).ljust(size, b"\0")


@dataclass(frozen=True, slots=True)
class Bundle:
    """An executable of PyInstaller.

    Raises:
        SandboxError: the file is none.
    """

    content: bytes
    python: int
    library: bytes
    begin: int
    entries: tuple[_Entry, ...]

    @staticmethod
    def of(content: bytes) -> "Bundle":
        """Read its table."""
        mark = content.rfind(_MAGIC)
        if mark < 0:
            raise SandboxError("this is no executable of PyInstaller")
        _, length, table, table_length, python, library = _MARK.unpack_from(content, mark)
        begin = mark + _MARK.size - length
        at, end = begin + table, begin + table + table_length
        entries = []
        while at < end:
            size, offset, packed_size, inflated, packed, kind = _ENTRY.unpack_from(content, at)
            name = content[at + _ENTRY.size : at + size].rstrip(b"\0")
            entries.append(_Entry(offset, packed_size, inflated, packed, kind, name))
            at += size
        return Bundle(content, python, library, begin, tuple(entries))

    def read(self, name: str) -> bytes:
        """What lies under this name.

        Raises:
            SandboxError: nothing does.
        """
        for entry in self.entries:
            if entry.name == name.encode():
                at = self.begin + entry.offset
                found = self.content[at : at + entry.length]
                return zlib.decompress(found) if entry.packed else found
        raise SandboxError(f"nothing in this executable is called {name}")

    def with_contents(self, contents: Mapping[str, bytes]) -> bytes:
        """A copy in which other bytes lie under these names."""
        made = bytearray(self.content)
        table = bytearray()
        for entry in self.entries:
            new = contents.get(entry.name.decode())
            if new is None:
                table += entry.table()
                continue
            offset, length = len(made) - self.begin, len(new)
            made += new
            table += replace(entry, offset=offset, length=length, inflated=length, packed=0).table()
        table_offset = len(made) - self.begin
        length = table_offset + len(table) + _MARK.size
        mark = _MARK.pack(_MAGIC, length, table_offset, len(table), self.python, self.library)
        return bytes(made + table + mark)
