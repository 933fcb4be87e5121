"""Where a connection goes. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address in a URL, taken apart.

    Attributes:
        resource: path and query of the request.
    """

    host: str
    port: int
    resource: str
    secure: bool

    @property
    def bracketed(self) -> str:
        """The host as it stands in a URL or a Host header."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """Host and port, as a proxy is asked for them."""
        return f"{self.bracketed}:{self.port}"

    @property
    def named(self) -> str:
        """As in a Host header: the port only where it is not the usual one (RFC 6455, 4.1)."""
        return self.bracketed if self.port == (443 if self.secure else 80) else self.authority
