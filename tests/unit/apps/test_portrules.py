"""docs/contract/wamp.md 8.4."""

from __future__ import annotations

import pytest

from reagent.apps import portrules
from reagent.errors import BadRequest
from reagent.model.app import PortRule

_FULL: dict[str, object] = {
    "main": True,
    "name": "web",
    "active": True,
    "public": True,
    "port": 8080,
    "protocol": "udp",
    "local_ip": "10.0.0.9",
    "remote_port_environment": "WEB_PORT",
    "remote_port": 31890,
    "host_port": 40003,
    "cloud_remote_port": 30777,
}


def test_a_full_rule_goes_round() -> None:
    (rule,) = portrules.parse([_FULL])

    assert rule.sent() == _FULL


def test_every_key_goes_out_but_two_that_are_left_out_at_zero() -> None:
    (rule,) = portrules.parse([{"port": 8080}])

    assert rule.sent() == {
        "main": False,
        "name": "",
        "active": False,
        "public": False,
        "port": 8080,
        "protocol": "http",
        "local_ip": "",
        "remote_port_environment": "",
        "remote_port": 0,
    }


@pytest.mark.parametrize("protocol", [{}, {"protocol": ""}, {"protocol": None}])
def test_a_rule_without_protocol_is_http(protocol: dict[str, object]) -> None:
    (rule,) = portrules.parse([{"port": 80, **protocol}])

    assert (rule.protocol, rule.wire) == ("http", "tcp")


@pytest.mark.parametrize("ports", [None, []])
def test_no_rules_are_none(ports: list[object] | None) -> None:
    assert portrules.parse(ports) == ()


def test_null_is_absent_and_unknown_keys_are_dropped() -> None:
    nulls = dict.fromkeys(_FULL, None)

    (rule,) = portrules.parse([{**nulls, "port": 80, "colour": "red"}])

    assert rule == PortRule(port=80)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", "8080"),
        ("port", -1),
        ("port", 80.0),
        ("port", True),
        ("name", 1),
        ("main", 1),
        ("active", "true"),
        ("public", 0),
        ("protocol", 6),
        ("local_ip", 1),
        ("remote_port_environment", []),
        ("remote_port", "1"),
        ("host_port", 1.5),
        ("cloud_remote_port", {}),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(field: str, value: object) -> None:
    with pytest.raises(BadRequest, match=f"failed to parse ports: {field}"):
        portrules.parse([{"port": 1}, {"port": 80, field: value}])


def test_an_entry_that_is_no_dict_is_refused() -> None:
    with pytest.raises(BadRequest, match="failed to parse ports"):
        portrules.parse([8080])
