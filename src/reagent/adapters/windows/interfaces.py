"""Every address of this machine, as iphlpapi lists them."""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("there is no iphlpapi here")

import ctypes
import socket
from collections.abc import Iterator
from ctypes import wintypes
from typing import Final

from reagent.contracts.host import Address

_iphlpapi: Final = ctypes.WinDLL("iphlpapi")
_SKIP: Final = 0x2 | 0x4 | 0x8  # anycast and multicast addresses, name servers
_TOO_SMALL: Final = 111
_ATTEMPTS: Final = 3


class _SocketAddress(ctypes.Structure):
    """SOCKET_ADDRESS."""

    _fields_ = (("address", ctypes.c_void_p), ("length", ctypes.c_int))


class _Unicast(ctypes.Structure):
    """The beginning of IP_ADAPTER_UNICAST_ADDRESS_LH; the system says how long all of it is."""

    _fields_ = (
        ("length", wintypes.ULONG), ("flags", wintypes.DWORD), ("next", ctypes.c_void_p),
        ("address", _SocketAddress), ("origins", ctypes.c_int * 3),
        ("lifetimes", wintypes.ULONG * 3), ("prefix", ctypes.c_uint8),
    )  # fmt: skip


class _Adapter(ctypes.Structure):
    """The beginning of IP_ADAPTER_ADDRESSES_LH."""

    _fields_ = (
        ("length", wintypes.ULONG), ("index", wintypes.DWORD), ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p), ("unicast", ctypes.c_void_p), ("skipped", ctypes.c_void_p * 5),
        ("friendly_name", ctypes.c_wchar_p),
    )  # fmt: skip


def addresses() -> list[Address]:
    """In the system's order, IPv4 before IPv6 of each interface.

    Raises:
        OSError: the system does not say.
    """
    buffer = _asked()
    found: list[Address] = []
    place: int | None = ctypes.addressof(buffer)
    while place:
        adapter = _Adapter.from_address(place)
        ours = _unicast(adapter.unicast, adapter.friendly_name or "")
        found += sorted(ours, key=lambda each: len(each.mask))
        place = adapter.next
    return found


def _asked() -> ctypes.Array[ctypes.c_char]:
    """The system's list; it says how much room that takes."""
    size = wintypes.ULONG(16 * 1024)
    status = _TOO_SMALL
    for _ in range(_ATTEMPTS):
        buffer = ctypes.create_string_buffer(size.value)
        status = _iphlpapi.GetAdaptersAddresses(
            socket.AF_UNSPEC, _SKIP, None, buffer, ctypes.byref(size)
        )
        if not status:
            return buffer
        if status != _TOO_SMALL:
            break
    raise ctypes.WinError(status)


def _unicast(place: int | None, interface: str) -> Iterator[Address]:
    while place:
        row = _Unicast.from_address(place)
        raw = ctypes.string_at(row.address.address, row.address.length)
        family = int.from_bytes(raw[:2], "little")
        # sockaddr_in holds the address behind family and port, sockaddr_in6 behind its flow label.
        address = {int(socket.AF_INET): raw[4:8], int(socket.AF_INET6): raw[8:24]}.get(family)
        if address:
            bits = len(address) * 8
            mask = ((1 << bits) - (1 << (bits - min(row.prefix, bits)))).to_bytes(
                len(address), "big"
            )
            yield Address(interface, socket.inet_ntop(family, address), mask)
        place = row.next
