"""Makes a small Mach-O executable, as a linker and a signer of ad-hoc signatures would."""

import hashlib
import struct
from dataclasses import dataclass

PAGE = 4096
_TEXT_AT = PAGE


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the file says of itself; the default is what a build should make for arm64."""

    cpu: int = 0x0100000C
    flags: int = 0x200085
    platform: int = 1
    oldest: tuple[int, int] = (11, 0)
    libraries: tuple[str, ...] = ("/usr/lib/libSystem.B.dylib",)
    section: str = "__reagent"
    payload: bytes = b"payload" * 1000
    imports: tuple[tuple[str, int, bool], ...] = (("_getpid", 1, False), ("_new", 1, True))
    main: bool = True
    signed: bool = True
    behind: bytes = b""


def made(recipe: Recipe) -> bytes:
    """The file."""
    symbols, names = _symbols(recipe)
    symbols_at = _TEXT_AT + len(recipe.payload)
    names_at = symbols_at + len(symbols)
    end = names_at + len(names)
    signature_at = end + -end % 16
    pages = -(-signature_at // PAGE)
    signature_size = 20 + 44 + len(b"reagent\0") + 32 * pages
    commands = [_segment(recipe), *map(_library, recipe.libraries)]
    version = recipe.oldest[0] << 16 | recipe.oldest[1] << 8
    commands.append(struct.pack("<IIIIII", 0x32, 24, recipe.platform, version, version, 0))
    count = len(symbols) // 16
    commands.append(struct.pack("<IIIIII", 2, 24, symbols_at, count, names_at, len(names)))
    if recipe.main:
        commands.append(struct.pack("<IIQQ", 0x80000028, 24, _TEXT_AT, 0))
    if recipe.signed:
        commands.append(struct.pack("<IIII", 0x1D, 16, signature_at, signature_size))
    body = b"".join(commands)
    header = struct.pack(
        "<IiIIIIII", 0xFEEDFACF, recipe.cpu, 0, 2, len(commands), len(body), recipe.flags, 0
    )
    content = (header + body).ljust(_TEXT_AT, b"\0") + recipe.payload + symbols + names
    content = content.ljust(signature_at, b"\0")
    return content + (_signature(content) if recipe.signed else b"") + recipe.behind


def _segment(recipe: Recipe) -> bytes:
    size = len(recipe.payload)
    section = struct.pack(
        "<16s16sQQIIIIIIII",
        recipe.section.encode(), b"__TEXT", _TEXT_AT, size, _TEXT_AT, 14, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    segment = struct.pack(
        "<II16sQQQQiiII",
        0x19, 72 + len(section), b"__TEXT", 0, _TEXT_AT + size, 0, _TEXT_AT + size, 5, 5, 1, 0,
    )  # fmt: skip
    return segment + section


def _library(name: str) -> bytes:
    text = name.encode() + b"\0"
    text += b"\0" * (-len(text) % 8)
    return struct.pack("<IIIIII", 0xC, 24 + len(text), 24, 0, 0, 0) + text


def _symbols(recipe: Recipe) -> tuple[bytes, bytes]:
    names = b"\0"
    symbols = struct.pack("<IBBHQ", 0, 0x0F, 1, 0, _TEXT_AT)  # one of its own
    for name, library, weak in recipe.imports:
        symbols += struct.pack("<IBBHQ", len(names), 0x01, 0, library << 8 | weak << 6, 0)
        names += name.encode() + b"\0"
    return symbols, names


def _signature(content: bytes) -> bytes:
    name = b"reagent\0"
    pages = [content[at : at + PAGE] for at in range(0, len(content), PAGE)]
    hashes = b"".join(hashlib.sha256(page).digest() for page in pages)
    first = 44 + len(name)
    directory = struct.pack(
        ">IIIIIIIIIBBBBI",
        0xFADE0C02, first + len(hashes), 0x20400, 0x2, first, 44, 0, len(pages), len(content),
        32, 2, 0, 12, 0,
    )[:44]  # fmt: skip
    directory = directory.ljust(44, b"\0") + name + hashes
    blobs = struct.pack(">IIIII", 0xFADE0CC0, 20 + len(directory), 1, 0, 20)
    return blobs + directory
