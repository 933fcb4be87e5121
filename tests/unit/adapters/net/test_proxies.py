from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.net.proxies import Proxy, proxy_for
from reagent.errors import DialFailed

WSS = Endpoint("router.example.com", 443, "/", secure=True)
WS = Endpoint("router.example.com", 80, "/", secure=False)
HTTPS_PROXY = {"HTTPS_PROXY": "http://proxy:3128"}


def test_each_kind_of_connection_has_its_proxy() -> None:
    environment = {"HTTP_PROXY": "http://plain:1", "https_proxy": "secure:2"}

    assert proxy_for(WS, environment) == Proxy("plain", 1)
    assert proxy_for(WSS, environment) == Proxy("secure", 2)


def test_no_variable_no_proxy() -> None:
    assert proxy_for(WSS, {"HTTP_PROXY": "http://plain:1"}) is None


def test_credentials_are_decoded_and_never_shown() -> None:
    proxy = proxy_for(WSS, {"HTTPS_PROXY": "http://me:p%40ss@proxy:3128"})

    assert proxy == Proxy("proxy", 3128, "me:p@ss")
    assert "p@ss" not in repr(proxy)


@pytest.mark.parametrize(
    "listed",
    [
        "router.example.com",
        "example.com",
        ".example.com",
        "*.example.com",
        "*",
        "other.org, router.example.com:443",
        "ROUTER.EXAMPLE.COM",
    ],
)
def test_no_proxy_excludes_hosts_and_domains(listed: str) -> None:
    assert proxy_for(WSS, {**HTTPS_PROXY, "NO_PROXY": listed}) is None


@pytest.mark.parametrize(
    "listed", ["ample.com", "router.example.com:8443", "example.org", "10.0.0.0/8", ""]
)
def test_no_proxy_does_not_exclude_others(listed: str) -> None:
    assert proxy_for(WSS, {**HTTPS_PROXY, "NO_PROXY": listed}) is not None


def test_no_proxy_knows_networks() -> None:
    inside = Endpoint("10.1.2.3", 443, "/", secure=True)

    assert proxy_for(inside, {**HTTPS_PROXY, "NO_PROXY": "10.0.0.0/8"}) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_loopback_goes_through_no_proxy(host: str) -> None:
    assert proxy_for(Endpoint(host, 443, "/", secure=True), HTTPS_PROXY) is None


@pytest.mark.parametrize("value", ["socks5://proxy:1080", "http://", "http://proxy:x"])
def test_what_is_no_http_proxy_is_a_failed_dial(value: str) -> None:
    with pytest.raises(DialFailed):
        proxy_for(WSS, {"HTTPS_PROXY": value})


words = st.lists(
    st.sampled_from([*"ab:/@[]%.,?#01 \t\\*-_\udcff\u2100\u00b2\u00e9", "http://", "::1", "%ff"]),
    max_size=10,
).map("".join)


@example("http://p", "h:\u00b2")
@given(words, words)
def test_whatever_stands_in_the_environment_is_a_proxy_or_none_or_refused(
    proxy: str, excluded: str
) -> None:
    environment = {"HTTPS_PROXY": proxy, "NO_PROXY": excluded}

    with contextlib.suppress(DialFailed):
        proxy_for(Endpoint("router.example", 443, "/", secure=True), environment)
