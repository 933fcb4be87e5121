from __future__ import annotations

import pytest

from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.wamp.endpoint import legacy_tls, parse
from reagent.errors import DialFailed


@pytest.mark.parametrize(
    ("url", "legacy"),
    [
        ("devices.ironflock.com:8080", True),
        ("devices.reswarm.io:8080", True),
        ("devices.example.com:8080", True),
        ("wss://devices.ironflock.com:8080", True),
        ("devices.ironflock.com", False),
        ("devices.ironflock.com:443", False),
        ("wss://devices.ironflock.com/ws", False),
    ],
)
def test_s16_which_endpoints_are_legacy(url: str, legacy: bool) -> None:  # noqa: FBT001 - a table
    assert legacy_tls(url) is legacy


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://router/ws", Endpoint("router", 80, "/ws", secure=False)),
        ("wss://router", Endpoint("router", 443, "/", secure=True)),
        ("http://router:8080/a?b=c", Endpoint("router", 8080, "/a?b=c", secure=False)),
        ("https://router/ws", Endpoint("router", 443, "/ws", secure=True)),
        ("ws://[::1]:9000/ws", Endpoint("::1", 9000, "/ws", secure=False)),
    ],
)
def test_a_url_taken_apart(url: str, expected: Endpoint) -> None:
    assert parse(url) == expected


def test_an_ipv6_address_is_bracketed_in_a_host_header() -> None:
    assert parse("ws://[::1]:9000/ws").bracketed == "[::1]"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("ws://router/ws", "router"),
        ("wss://router:443", "router"),
        ("ws://router:443", "router:443"),
        ("wss://router:8080", "router:8080"),
        ("ws://[::1]:80/", "[::1]"),
    ],
)
def test_a_usual_port_is_not_named(url: str, named: str) -> None:
    assert parse(url).named == named


@pytest.mark.parametrize(
    "url", ["", "router:8080", "tcp://router:80", "ws://", "ws://router:99999", "ws://router:x/"]
)
def test_what_is_no_url_is_a_failed_dial(url: str) -> None:
    with pytest.raises(DialFailed):
        parse(url)
