"""The code signature inside a Mach-O file: whether each page still is what was signed.

An ad-hoc signature has no signer; it is the digests alone. On arm64 the kernel ends a process whose
pages do not match theirs. Big-endian, as <kern/cs_blobs.h> lays it out.
"""

import hashlib
import struct
from typing import Final

from reagent_build.macho import Macho

_EMBEDDED, _DIRECTORY = 0xFADE0CC0, 0xFADE0C02
_SHA256: Final = 2
_ADHOC: Final = 0x2
_BLOBS: Final = struct.Struct(">III")
_INDEX: Final = struct.Struct(">II")
# magic length version flags hashes identifier special-slots slots limit hash-size hash-type
# platform page-size
_CODE_DIRECTORY: Final = struct.Struct(">IIIIIIIIIBBBB")


def faults(content: bytes, macho: Macho) -> list[str]:
    """What is wrong with the signature; empty when it is whole and covers all before it."""
    if macho.signature is None:
        return ["it is not signed"]
    start, size = macho.signature.offset, macho.signature.size
    try:
        return _faults(content[start : start + size], content[:start])
    except struct.error:
        return ["its signature ends too early"]


def _faults(signature: bytes, signed: bytes) -> list[str]:
    magic, _, count = _BLOBS.unpack_from(signature)
    if magic != _EMBEDDED:
        return ["its signature is of an unknown kind"]
    for number in range(count):
        _, offset = _INDEX.unpack_from(signature, _BLOBS.size + number * _INDEX.size)
        if struct.unpack_from(">I", signature, offset) == (_DIRECTORY,):
            return _faults_of_pages(signature[offset:], signed)
    return ["its signature holds no digests"]


def _faults_of_pages(directory: bytes, signed: bytes) -> list[str]:
    unpacked = _CODE_DIRECTORY.unpack_from(directory)
    flags, hashes, slots, limit, hash_size, hash_type, page_bits = (
        unpacked[index] for index in (3, 4, 7, 8, 9, 10, 12)
    )
    found = []
    if not flags & _ADHOC:
        found.append("its signature is not ad hoc")
    if limit != len(signed):
        found.append(f"its signature covers {limit} of {len(signed)} bytes")
    if hash_type != _SHA256 or hash_size != hashlib.sha256().digest_size:
        return [*found, "its signature is not made of SHA-256"]
    page = 1 << page_bits
    pages = [signed[at : at + page] for at in range(0, len(signed), page)]
    if slots != len(pages):
        return [*found, f"its signature has digests of {slots} pages for {len(pages)}"]
    for number, content in enumerate(pages):
        at = hashes + number * hash_size
        if directory[at : at + hash_size] != hashlib.sha256(content).digest():
            found.append(f"page {number} is not what was signed")
    return found
