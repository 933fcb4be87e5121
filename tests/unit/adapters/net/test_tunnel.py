"""reagent.adapters.net.tunnel: what a proxy is told."""

from __future__ import annotations

import base64

import pytest

from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.net.proxies import proxy_for
from reagent.adapters.net.tunnel import basic

ROUTER = Endpoint("router.example", 443, "/ws", secure=True)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [(b"me:p%40ss", b"me:p@ss"), ("m\u00fc:p".encode(), "m\u00fc:p".encode()), (b"m\xfc:p", b"m\xfc:p")],
    ids=["quoted", "utf-8", "latin-1"],
)  # fmt: skip
def test_credentials_go_out_as_the_environment_has_them(typed: bytes, sent: bytes) -> None:
    value = b"http://%s@proxy.example:3128" % typed
    proxy = proxy_for(ROUTER, {"HTTPS_PROXY": value.decode("utf-8", "surrogateescape")})

    assert proxy is not None
    kind, _, text = basic(proxy.credentials).partition(" ")
    assert (kind, base64.b64decode(text)) == ("Basic", sent)
