"""Which router to dial. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from reagent.adapters.net.endpoint import Endpoint
from reagent.errors import DialFailed

_LEGACY = re.compile(r"devices.*\.(com|io):8080")
_SECURE = {"ws": False, "http": False, "wss": True, "https": True}


def legacy_tls(url: str) -> bool:
    """Whether the endpoint is one of the old ones that want a client certificate.

    They present a certificate that nothing can verify (docs/contract/wamp.md 1.4).
    """
    return _LEGACY.search(url) is not None


def parse(url: str) -> Endpoint:
    """Take a router URL apart; `http` means `ws` and `https` means `wss`.

    Raises:
        DialFailed: this is no URL of a WebSocket.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DialFailed(f"the endpoint {url!r} is no URL: {error}") from error
    if parts.scheme not in _SECURE or not parts.hostname or port == 0:
        raise DialFailed(f"the endpoint {url!r} is no ws:// or wss:// URL")
    secure = _SECURE[parts.scheme]
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.hostname, port or (443 if secure else 80), resource, secure)
