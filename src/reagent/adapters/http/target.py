"""Where a URL leads, and what is sent there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.net.proxies import Proxy
from reagent.adapters.net.tunnel import basic
from reagent.errors import DownloadFailed

_PORTS: Final = {"http": 80, "https": 443}
# What may stand in a path or query; everything else, blanks and line ends first, is quoted.
_SAFE: Final = "/%:?#[]@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart.

    Attributes:
        shown: the URL without credentials, for logs and errors.
        credentials: `user:password`, where the URL holds some.
    """

    endpoint: Endpoint
    shown: str
    credentials: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Target:
        """Take a URL apart.

        Raises:
            DownloadFailed: it is none that can be fetched.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            resource = quote(parts.path or "/", safe=_SAFE)
            if parts.query:
                resource += "?" + quote(parts.query, safe=_SAFE)
        except ValueError as error:  # half a character, too, which a flag or a file can hold
            raise DownloadFailed(f"{_without_credentials(url)!r} is no URL: {error}") from error
        host = parts.hostname or ""
        if parts.scheme not in _PORTS or not host or not host.isascii() or port == 0:
            raise DownloadFailed(f"{_without_credentials(url)!r} is no http:// or https:// URL")
        secure = parts.scheme == "https"
        endpoint = Endpoint(host, port or _PORTS[parts.scheme], resource, secure)
        credentials = ""
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(endpoint, f"{parts.scheme}://{endpoint.named}{resource}", credentials)

    def redirected(self, location: str) -> Target:
        """Where a redirect leads. Credentials are for the origin they were given for.

        Raises:
            DownloadFailed: nowhere, or out of an encrypted connection.
        """
        if not location:
            raise DownloadFailed(f"{self.shown} redirects to nowhere")
        try:
            joined = urljoin(self.shown, location)
        except ValueError as error:
            raise DownloadFailed(f"{self.shown} redirects to no URL: {error}") from error
        target = Target.of(joined)
        if self.endpoint.secure and not target.endpoint.secure:
            raise DownloadFailed(
                f"{self.shown} redirects to {target.shown}, which is not encrypted"
            )
        origin = (self.endpoint.host, self.endpoint.port, self.endpoint.secure)
        if origin == (target.endpoint.host, target.endpoint.port, target.endpoint.secure):
            return replace(target, credentials=self.credentials)
        return target

    def request(self, headers: Mapping[str, str], proxy: Proxy | None) -> bytes:
        """A GET, as it goes over the wire.

        Args:
            headers: what is to be sent beside the usual ones.
            proxy: one that is spoken to in plain text, and fetches for us; it gets the whole URL.
        """
        lines = [
            f"GET {self.endpoint.resource if proxy is None else self.shown} HTTP/1.1",
            f"Host: {self.endpoint.named}",
            "User-Agent: reagent",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Connection: close",
        ]
        if self.credentials:
            lines.append(f"Authorization: {basic(self.credentials)}")
        if proxy is not None and proxy.credentials:
            lines.append(f"Proxy-Authorization: {basic(proxy.credentials)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _without_credentials(url: str) -> str:
    scheme, found, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{found}{authority.rpartition('@')[2]}{slash}{path}"[:200]
