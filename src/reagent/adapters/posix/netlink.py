"""The kernel's list of addresses, by rtnetlink: one question, both families, no libraries.

Neither ctypes (`getifaddrs`) nor psutil is in a static executable; `/proc` has no IPv4 addresses.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Final

from reagent.contracts.host import Address

_GET_ADDRESSES, _NEW_ADDRESS, _ERROR, _DONE = 22, 20, 2, 3
_REQUEST_DUMP: Final = 0x301
_ADDRESS, _LOCAL = 1, 2
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, sender
_MESSAGE: Final = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface index
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type
_SECONDS: Final = 2.0
_ROUTE: Final = 0  # NETLINK_ROUTE
# Linux alone has it.
_FAMILY: Final[int | None] = getattr(socket, "AF_NETLINK", None)


def addresses(family: int | None = _FAMILY) -> list[Address]:
    """Every address, by interface in the kernel's order, IPv4 before IPv6.

    Raises:
        OSError: the kernel does not answer, or is none that could.
    """
    if family is None:
        raise OSError(errno.ENOSYS, "this system does not list its addresses by netlink")
    found = []
    with socket.socket(family, socket.SOCK_RAW, _ROUTE) as kernel:
        kernel.settimeout(_SECONDS)
        question = _MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        size = _HEADER.size + len(question)
        kernel.send(_HEADER.pack(size, _GET_ADDRESSES, _REQUEST_DUMP, 1, 0) + question)
        asking = True
        while asking:
            for kind, body in _records(kernel.recv(65536), _HEADER):
                if kind in {_DONE, _ERROR}:
                    asking = False
                elif kind == _NEW_ADDRESS:
                    found.append(body)
    seen = [each for each in map(_address, found) if each is not None]
    return [address for _, address in sorted(seen, key=lambda each: each[0])]


def _address(body: bytes) -> tuple[int, Address] | None:
    family, prefix, _flags, _scope, index = _MESSAGE.unpack_from(body)
    values = dict(_records(body[_MESSAGE.size :], _ATTRIBUTE))
    # On a point-to-point link _ADDRESS is the other end.
    raw = values.get(_LOCAL) or values.get(_ADDRESS)
    if raw is None or family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    try:
        interface = socket.if_indextoname(index)
    except OSError:
        return None
    bits = len(raw) * 8
    mask = ((1 << bits) - (1 << (bits - prefix))).to_bytes(len(raw), "big")
    return index, Address(interface, socket.inet_ntop(family, raw), mask)


def _records(data: bytes, header: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Records of (length, type) or (type after length) form, each aligned to four bytes."""
    at = 0
    while at + header.size <= len(data):
        length, kind = header.unpack_from(data, at)[:2]
        if length < header.size:
            return
        yield kind, data[at + header.size : at + length]
        at += (length + 3) & ~3
