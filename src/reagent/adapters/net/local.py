"""What sockets alone can tell about this machine: which address it has, which ports are free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Final

from reagent.contracts.host import Address

_NOT_THE_LAN: Final = ("veth", "br-")
_PORTS: Final = range(1, 65536)
_NO_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
# On Windows SO_REUSEADDR takes a port away from whoever has it.
_EXCLUSIVE: Final[int | None] = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)


def outgoing_ipv4() -> str:
    """The address towards the internet, nothing sent; empty: no way there."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("8.8.8.8", 80))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def lan_address(addresses: Sequence[Address]) -> str:
    """The first IPv4 address that is not the device's own or its containers'; empty: none."""
    for each in addresses:
        theirs = "docker" in each.interface or each.interface.startswith(_NOT_THE_LAN)
        if len(each.mask) == 4 and not each.ip.startswith("127.") and not theirs:
            return each.ip
    return ""


def port_free(port: int, protocol: str) -> bool:
    """Whether a port can be bound on all addresses right now."""
    if port not in _PORTS:
        return False
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    try:
        _bind(socket.AF_INET6, kind, port)
    except OSError as error:
        if error.errno not in _NO_IPV6:
            return False
    else:
        return True
    try:
        _bind(socket.AF_INET, kind, port)
    except OSError:
        return False
    return True


def _bind(family: int, kind: int, port: int) -> None:
    with socket.socket(family, kind) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if _EXCLUSIVE is not None:
            probe.setsockopt(socket.SOL_SOCKET, _EXCLUSIVE, 1)
        elif kind == socket.SOCK_STREAM:
            # A connection that is only waiting out its time does not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("", port))
        if kind == socket.SOCK_STREAM:
            probe.listen(1)
