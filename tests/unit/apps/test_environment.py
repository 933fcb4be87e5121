"""docs/contract/apps.md 3.2, 3.3 and 9.1 P15-P17, 9.2 C4-C8, C14, 9.3 H10."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reagent.apps.credentials import credential
from reagent.apps.environment import (
    Facts,
    agent_block,
    device_ports,
    endpoint_for_containers,
    environment,
    passed_as_env,
    tunnel_domain,
)
from reagent.contracts.engine import PortBinding
from reagent.errors import BadRequest
from reagent.model.app import WantedApp
from reagent.model.device import Identity

_IDENTITY = Identity(
    serial_number="SN-1",
    name="press-07",
    secret="device-secret",
    swarm_key=17,
    device_key=4021,
    swarm_name="hall-b",
    swarm_owner_name="acme",
    device_endpoint_url="ws://localhost:8080/ws",
    environment="production",
)
_PROD = WantedApp(app_key=77, app_name="Vision", stage="PROD", target="RUNNING")
_DEV = replace(_PROD, stage="DEV")
_ALL_KNOWN = Facts("192.168.7.20", "https://studio.example.org", "key")


def _added(wanted: WantedApp, **more: object) -> list[str]:
    """What comes after the agent's own block."""
    block = agent_block(_IDENTITY, wanted, Facts())
    lines = environment(wanted, _IDENTITY, Facts(), **more)  # type: ignore[arg-type]
    assert lines[: len(block)] == block
    return lines[len(block) :]


def test_the_agent_block_is_complete_and_in_order() -> None:
    wanted = replace(_PROD, instance_key=5, app_cred_epoch=3)
    login = credential("key", "SN-1", 77, "PROD", 3)

    lines = agent_block(_IDENTITY, wanted, _ALL_KNOWN)

    assert login is not None
    assert lines == [
        "DEVICE_SERIAL_NUMBER=SN-1",
        "ENV=PROD",
        "DEVICE_KEY=4021",
        "SWARM_KEY=17",
        "APP_KEY=77",
        "APP_NAME=Vision",
        "DEVICE_NAME=press-07",
        "DEVICE_ENDPOINT_URL=ws://host.docker.internal:8080/ws",
        "TUNNEL_DOMAIN=app.ironflock.com",
        "APP_AUTH_ID=app-77-prod-e3@SN-1",
        f"APP_AUTH_SECRET={login.secret}",
        "DEVICE_LAN_IP=192.168.7.20",
        "INSTANCE_KEY=5",
        "RESWARM_URL=https://studio.example.org",
        "DEVICE_URL=https://studio.example.org/acme/swarms/hall-b/settings/devices/press-07",
    ]


def test_what_is_not_known_is_left_out() -> None:
    lines = agent_block(_IDENTITY, _DEV, Facts())

    assert [line.partition("=")[0] for line in lines] == [
        "DEVICE_SERIAL_NUMBER",
        "ENV",
        "DEVICE_KEY",
        "SWARM_KEY",
        "APP_KEY",
        "APP_NAME",
        "DEVICE_NAME",
        "DEVICE_ENDPOINT_URL",
        "TUNNEL_DOMAIN",
    ]


def test_an_absent_epoch_is_the_first() -> None:
    assert "APP_AUTH_ID=app-77-prod-e1@SN-1" in agent_block(_IDENTITY, _PROD, _ALL_KNOWN)


@pytest.mark.parametrize("wanted", [_PROD, _DEV])
def test_the_device_secret_never_reaches_an_app(wanted: WantedApp) -> None:
    lines = environment(wanted, _IDENTITY, _ALL_KNOWN)

    assert not any("DEVICE_SECRET" in line or "device-secret" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bar", "bar"),
        ("", ""),
        (42, "42"),
        (1_000_000, "1000000"),
        (1_000_000.0, "1000000"),
        (2.5, "2.5"),
        (True, "true"),
        (False, "false"),
        (None, "<nil>"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ([1, "a"], '[1,"a"]'),
        ("a=b c", "a=b c"),
    ],
)
def test_values_become_text(value: object, text: str) -> None:
    assert _added(replace(_PROD, environment={"FOO": {"value": value}})) == [f"FOO={text}"]


def test_a_missing_value_is_a_null() -> None:
    assert _added(replace(_PROD, environment={"FOO": {}})) == ["FOO=<nil>"]


@pytest.mark.parametrize(
    ("template", "added"),
    [
        ({}, []),
        ({"FOO": {"defaultValue": "bar"}}, ["FOO=bar"]),
        ({"FOO": {"defaultValue": None}, "BAR": {}, "BAZ": {"defaultValue": 0}}, ["BAZ=0"]),
        ({"FOO": {"defaultValue": "a\nb"}}, ["FOO=a\\nb"]),
        ({"FOO": "no dict", "BAR": None, "BAZ": {"defaultValue": "x"}}, ["BAZ=x"]),
    ],
)
@pytest.mark.parametrize("wanted", [_PROD, _DEV])
def test_defaults_of_the_template(
    wanted: WantedApp, template: dict[str, object], added: list[str]
) -> None:
    assert _added(replace(wanted, environment_template=template)) == added


def test_entries_that_are_no_dicts_are_skipped() -> None:
    given = {"FOO": "text", "BAR": None, "BAZ": {"value": 1}}

    assert _added(replace(_PROD, environment=given)) == ["BAZ=1"]


def test_a_payload_cannot_hand_out_a_login() -> None:
    given = {
        "APP_AUTH_ID": {"value": "x"},
        "APP_AUTH_SECRET": {"value": "y"},
        "MY_OWN_VAR": {"value": "kept"},
    }

    assert _added(replace(_PROD, environment=given)) == ["MY_OWN_VAR=kept"]


def test_a_working_copy_gets_defaults_alone() -> None:
    wanted = replace(
        _DEV,
        environment={"FOO": {"value": 1}},
        environment_template={"FOO": {"defaultValue": 2}},
        ports=[{"port": 8080, "cloud_remote_port": 1}],
    )

    added = _added(wanted, host_ports=[PortBinding(8080, "tcp", 8080)], tunnels={(8080, "http"): 0})

    assert added == ["FOO=2", "DEVICE_PORT_FOR_8080=8080"]


def test_a_release_gets_values_ports_and_missing_defaults_in_this_order() -> None:
    wanted = replace(
        _PROD,
        environment={"MODE": {"value": "fast"}, "DEVICE_NAME": {"value": "mine"}},
        environment_template={"MODE": {"defaultValue": "slow"}, "LEVEL": {"defaultValue": "info"}},
        ports=[
            {"port": 8080},
            {
                "port": 1883,
                "protocol": "tcp",
                "remote_port_environment": "MQTT",
                "cloud_remote_port": 7,
            },
        ],
    )

    added = _added(
        wanted,
        host_ports=[PortBinding(8080, "tcp", 40000)],
        tunnels={(8080, "http"): 0, (1883, "tcp"): 31890},
    )

    assert added == [
        "MODE=fast",
        "DEVICE_NAME=mine",
        "REMOTE_PORT_FOR_8080=0",
        "REMOTE_PORT_FOR_1883=31890",
        "REMOTE_PORT_FOR_1883_CLOUD=7",
        "MQTT=31890",
        "MQTT_CLOUD=7",
        "LEVEL=info",
        "DEVICE_PORT_FOR_8080=40000",
    ]


@pytest.mark.parametrize("name", ["KEY", "ENV", "PORT_FOR_80", "fas"])
def test_a_default_is_dropped_when_its_name_stands_anywhere_in_a_line(name: str) -> None:
    wanted = replace(
        _PROD,
        environment={"MODE": {"value": "fast"}},
        environment_template={name: {"defaultValue": "x"}},
        ports=[{"port": 80, "cloud_remote_port": 1}],
    )

    assert f"{name}=x" not in environment(wanted, _IDENTITY, Facts())


def test_the_cloud_port_is_announced_without_a_tunnel() -> None:
    rule = {
        "port": 51820,
        "protocol": "udp",
        "remote_port_environment": "WG_PORT",
        "cloud_remote_port": 31099,
    }

    added = _added(replace(_PROD, ports=[rule]))

    assert added == ["REMOTE_PORT_FOR_51820_CLOUD=31099", "WG_PORT_CLOUD=31099"]


def test_a_malformed_port_rule_is_refused() -> None:
    with pytest.raises(BadRequest, match="port"):
        environment(replace(_PROD, ports=[{"port": "80"}]), _IDENTITY, Facts())


def test_device_ports_are_sorted_and_tcp_beats_udp() -> None:
    bindings = [
        PortBinding(1883, "udp", 40002),
        PortBinding(8080, "tcp", 40001),
        PortBinding(5000, "udp", 40004),
        PortBinding(5000, "tcp", 40003),
    ]

    assert device_ports(bindings) == [
        "DEVICE_PORT_FOR_1883=40002",
        "DEVICE_PORT_FOR_5000=40003",
        "DEVICE_PORT_FOR_8080=40001",
    ]


def test_lines_over_the_limit_are_for_files_only() -> None:
    fits, too_long = "A=" + "x" * 20478, "B=" + "ü" * 10240

    assert passed_as_env([fits, too_long]) == [fits]


@pytest.mark.parametrize(
    ("url", "seen_from_a_container"),
    [
        ("ws://localhost:8080/ws-re-dev", "ws://host.docker.internal:8080/ws-re-dev"),
        ("wss://127.0.0.1:8080/ws-re-dev", "wss://host.docker.internal:8080/ws-re-dev"),
        ("ws://127.8.9.1/ws", "ws://host.docker.internal/ws"),
        ("ws://[::1]:8080/ws", "ws://host.docker.internal:8080/ws"),
        ("ws://localhost/ws", "ws://host.docker.internal/ws"),
        (
            "ws://me:pw@localhost:1/ws?a=//localhost:1",
            "ws://me:pw@host.docker.internal:1/ws?a=//localhost:1",
        ),
    ],
)
def test_loopback_endpoints_are_rewritten(url: str, seen_from_a_container: str) -> None:
    assert endpoint_for_containers(url) == seen_from_a_container


@pytest.mark.parametrize(
    "url",
    [
        "wss://cbw.ironflock.com/ws-ua-usr",
        "ws://192.168.1.50:8080/ws",
        "ws://appliance.local:8080/ws",
        "",
        "::not a url::",
        "ws://[::1",
        "ws://localhost:port/ws",
        "localhost:8080",
    ],
)
def test_other_endpoints_stay(url: str) -> None:
    assert endpoint_for_containers(url) == url


@pytest.mark.parametrize(
    ("appliance", "environment_", "domain"),
    [
        ("box.example", "production", "box.example"),
        ("", "production", "app.ironflock.com"),
        ("", "test", "app.ironflock.dev"),
        ("", "local", "localhost"),
        ("", "", "app.ironflock.com"),
    ],
)
def test_the_tunnel_domain(appliance: str, environment_: str, domain: str) -> None:
    identity = replace(_IDENTITY, appliance_domain=appliance, environment=environment_)

    assert tunnel_domain(identity) == domain
