"""sandbox.bundles: PyInstaller's one file with other contents."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from sandbox.bundles import Bundle, is_bundle
from sandbox.processes import SandboxError

MAGIC = b"MEI\014\013\012\013\016"
LOADER = b"\x7fELF the boot loader"
HEADERS = b"section headers"


def entry(offset: int, content: bytes, inflated: int, kind: bytes, name: str) -> bytes:
    packed = len(content) != inflated
    words = struct.pack("!IIIIBc", 48, offset, len(content), inflated, packed, kind)
    return (words + name.encode()).ljust(48, b"\0")


@pytest.fixture
def file() -> bytes:
    """As the tool writes it: entries, the table of them, the mark; then what the linker adds."""
    version, main = zlib.compress(b"1.0.0\n"), b"code"
    table = entry(0, version, 6, b"x", "reagent/version.txt")
    table += entry(len(version), main, len(main), b"s", "main")
    contents = version + main
    length = len(contents) + len(table) + 88
    mark = struct.pack("!8sIIII64s", MAGIC, length, len(contents), len(table), 311, b"libpython")
    return LOADER + contents + table + mark + HEADERS


def test_contents_are_read_packed_or_not(file: bytes) -> None:
    bundle = Bundle.of(file)

    found = [bundle.read(name) for name in ("reagent/version.txt", "main")]

    assert found == [b"1.0.0\n", b"code"]


def test_a_copy_holds_other_contents_and_is_the_same_program_otherwise(file: bytes) -> None:
    copy = Bundle.of(file).with_contents({"reagent/version.txt": b"12.34.56\n"})

    bundle = Bundle.of(copy)
    assert bundle.read("reagent/version.txt") == b"12.34.56\n"
    assert bundle.read("main") == b"code"
    assert (bundle.python, bundle.library) == (311, b"libpython".ljust(64, b"\0"))
    assert copy.startswith(file)


def test_a_copy_can_be_copied(file: bytes) -> None:
    first = Bundle.of(file).with_contents({"main": b"broken"})

    second = Bundle.of(Bundle.of(first).with_contents({"reagent/version.txt": b"2.0.0\n"}))

    assert (second.read("main"), second.read("reagent/version.txt")) == (b"broken", b"2.0.0\n")


def test_a_bundle_is_known_by_its_end(tmp_path: Path, file: bytes) -> None:
    bundle, other = tmp_path / "bundle", tmp_path / "other"
    bundle.write_bytes(b"\0" * 20_000 + file)
    other.write_bytes(LOADER)

    known = [is_bundle(bundle), is_bundle(other)]

    assert known == [True, False]
    with pytest.raises(SandboxError, match="no executable of PyInstaller"):
        Bundle.of(LOADER)
    with pytest.raises(SandboxError, match="nothing in this executable is called x"):
        Bundle.of(file).read("x")
