"""The machine under us: figures, addresses, what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from reagent.model.device import Stats


@dataclass(frozen=True, slots=True)
class Address:
    """One address of an interface; `mask` is raw, 4 bytes for IPv4 and 16 for IPv6."""

    interface: str
    ip: str
    mask: bytes


class Host(Protocol):
    """Reads never raise: what cannot be read is zero, empty, or left out."""

    async def stats(self) -> Stats:
        """The figures of docs/contract/wamp.md 3.2; CPU percent since the previous call."""
        ...

    def addresses(self) -> Sequence[Address]:
        """Every address of every interface, loopback included."""
        ...

    def primary_ipv4(self) -> str:
        """The address towards the internet, nothing sent; empty: none (apps.md 3.3)."""
        ...

    def description(self) -> str:
        """`linux debian 13.3 6.1.0-28-amd64` (docs/contract/wamp.md 3.5)."""
        ...

    def has_gpu(self) -> bool:
        """Whether containers want the `nvidia` runtime (docs/contract/apps.md 3.7)."""
        ...

    def exists(self, path: str) -> bool:
        """Whether a path is there."""
        ...

    def port_free(self, port: int, protocol: str) -> bool:
        """Whether a port can be bound on all addresses right now."""
        ...
