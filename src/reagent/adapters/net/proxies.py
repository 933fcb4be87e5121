"""Through which proxy a connection goes. Pure: the environment is an argument."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from reagent.adapters.net.endpoint import Endpoint
from reagent.errors import DialFailed


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT.

    Attributes:
        credentials: `user:password`, empty when the proxy wants none.
    """

    host: str
    port: int
    credentials: str = ""

    def __repr__(self) -> str:
        """Without the credentials: this may end in a log line."""
        return f"{self.host}:{self.port}"


def proxy_for(endpoint: Endpoint, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that the process environment names for an endpoint.

    `HTTPS_PROXY` for what is encrypted, `HTTP_PROXY` for the rest, in capitals or not; `NO_PROXY`
    lists hosts, domains, networks, each with or without a port, or `*`. A loopback address never
    goes through a proxy.

    Raises:
        DialFailed: the variable holds something else than an http proxy.
    """
    name = "HTTPS_PROXY" if endpoint.secure else "HTTP_PROXY"
    value = environment.get(name) or environment.get(name.lower()) or ""
    if not value or _excluded(endpoint, environment):
        return None
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError as error:
        raise DialFailed(f"{name} is no URL") from error
    if parts.scheme != "http" or not parts.hostname:
        raise DialFailed(f"{name} names no http proxy")
    credentials = ""
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(parts.hostname, port or 80, credentials)


def _excluded(endpoint: Endpoint, environment: Mapping[str, str]) -> bool:
    host = endpoint.host.lower()
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    listed = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    entries = (entry.strip().lower() for entry in listed.split(","))
    return any(entry and _matches(entry, host, address, endpoint.port) for entry in entries)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _matches(entry: str, host: str, address: _Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if address is not None and "/" in entry:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, _, number = entry.rpartition(":")
    if name and number.isascii() and number.isdigit() and (":" not in name or name.startswith("[")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    if entry.startswith(("*.", ".")):
        return host.endswith(entry.lstrip("*"))
    return host == entry or host.endswith(f".{entry}")
