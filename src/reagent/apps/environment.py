"""The environment an app is started with (docs/contract/apps.md 3.2, 3.3, wamp.md 8.7).

A list of `NAME=value` lines in a fixed order; of equal names the later one wins, in the engine and
in the files alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reagent.apps import portrules
from reagent.apps.credentials import credential
from reagent.contracts.engine import PortBinding
from reagent.model.app import PortRule, Stage, WantedApp
from reagent.model.device import Identity

# The agent alone says who an app is: a payload must not hand out another app's login.
_NOT_FROM_PAYLOADS: Final = frozenset({"APP_AUTH_ID", "APP_AUTH_SECRET"})
_LONGEST_LINE: Final = 20480
_ESCAPES: Final = str.maketrans({"\n": "\\n", "\t": "\\t", "\r": "\\r"})
_TUNNEL_DOMAINS: Final = {"test": "app.ironflock.dev", "local": "localhost"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the agent learnt since it started; each is empty while it is not known.

    Attributes:
        lan_ip: the device's address in its network.
        base_url: the platform's web address, from its answer to a status report.
        credential_key: what logins of apps are derived from.
    """

    lan_ip: str = ""
    base_url: str = ""
    credential_key: str = field(default="", repr=False)


Tunnels = Mapping[tuple[int, str], int]
"""Tunnels that are up: declared port and protocol of their rule to remote port (0 for http)."""


def environment(
    wanted: WantedApp,
    identity: Identity,
    facts: Facts,
    host_ports: Sequence[PortBinding] = (),
    tunnels: Tunnels | None = None,
) -> list[str]:
    """Every line, in order; the large ones too, which only fit into files (`passed_as_env`).

    Args:
        wanted: the payload.
        identity: the device.
        facts: what else is known.
        host_ports: where the app's ports are published.
        tunnels: see `Tunnels`.

    Raises:
        BadRequest: a port rule is malformed (PROD).
    """
    lines = agent_block(identity, wanted, facts)
    defaults = _defaults(wanted.environment_template)
    if wanted.stage != Stage.PROD:
        return [*lines, *defaults.values(), *device_ports(host_ports)]
    lines += _values(wanted.environment)
    lines += remote_ports(portrules.parse(wanted.ports), tunnels or {})
    lines += [line for name, line in defaults.items() if not _mentioned(name, lines)]
    return [*lines, *device_ports(host_ports)]


def agent_block(identity: Identity, wanted: WantedApp, facts: Facts) -> list[str]:
    """What the agent says about device, app and platform. The device secret is never among it."""
    lines = [
        f"DEVICE_SERIAL_NUMBER={identity.serial_number}",
        f"ENV={wanted.stage}",
        f"DEVICE_KEY={identity.device_key}",
        f"SWARM_KEY={identity.swarm_key}",
        f"APP_KEY={wanted.app_key}",
        f"APP_NAME={wanted.app_name}",
        f"DEVICE_NAME={identity.name}",
        f"DEVICE_ENDPOINT_URL={endpoint_for_containers(identity.device_endpoint_url)}",
        f"TUNNEL_DOMAIN={tunnel_domain(identity)}",
    ]
    login = credential(
        facts.credential_key,
        identity.serial_number,
        wanted.app_key,
        wanted.stage,
        wanted.app_cred_epoch,
    )
    if login is not None:
        lines += [f"APP_AUTH_ID={login.auth_id}", f"APP_AUTH_SECRET={login.secret}"]
    if facts.lan_ip:
        lines.append(f"DEVICE_LAN_IP={facts.lan_ip}")
    if wanted.instance_key > 0:
        lines.append(f"INSTANCE_KEY={wanted.instance_key}")
    if facts.base_url:
        lines.append(f"RESWARM_URL={facts.base_url}")
        lines.append(
            f"DEVICE_URL={facts.base_url}/{identity.swarm_owner_name}/swarms/{identity.swarm_name}"
            f"/settings/devices/{identity.name}"
        )
    return lines


def remote_ports(rules: Sequence[PortRule], tunnels: Tunnels) -> list[str]:
    """Where the app's ports can be reached from outside, under both names of each rule."""
    lines = []
    for rule in rules:
        for name in remote_port_names(rule):
            tunnel = tunnels.get((rule.port, rule.protocol))
            if tunnel is not None:
                lines.append(f"{name}={tunnel}")
            if rule.cloud_remote_port > 0:
                lines.append(f"{name}_CLOUD={rule.cloud_remote_port}")
    return lines


def remote_port_names(rule: PortRule) -> tuple[str, ...]:
    """The variables that announce a rule's remote port."""
    name = f"REMOTE_PORT_FOR_{rule.port}"
    return (name, rule.remote_port_environment) if rule.remote_port_environment else (name,)


def device_ports(bindings: Sequence[PortBinding]) -> list[str]:
    """`DEVICE_PORT_FOR_*` by declared port; tcp beats udp on the same number."""
    ordered = sorted(bindings, key=lambda each: (each.port, each.protocol != "tcp"))
    found: dict[int, int] = {}
    for each in ordered:
        found.setdefault(each.port, each.host_port)
    return [f"DEVICE_PORT_FOR_{port}={host_port}" for port, host_port in found.items()]


def passed_as_env(lines: Sequence[str]) -> list[str]:
    """The lines an engine accepts: whole ones of at most 20480 bytes; the rest is in files only."""
    return [line for line in lines if len(line.encode(errors="replace")) <= _LONGEST_LINE]


def endpoint_for_containers(url: str) -> str:
    """The router's address as seen from inside a container: its loopback is not the host's."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - start-up does not pay for it

    try:
        netloc = urlsplit(url).netloc
        host = urlsplit(url).hostname
        port = urlsplit(url).port
    except ValueError:
        return url
    if not host or not _is_loopback(host):
        return url
    user = netloc.rpartition("@")[0]
    there = f"{user}@" if user else ""
    there += "host.docker.internal" + ("" if port is None else f":{port}")
    return url.replace(f"//{netloc}", f"//{there}", 1)


def tunnel_domain(identity: Identity) -> str:
    """The domain under which tunnels of this device are reached."""
    if identity.appliance_domain:
        return identity.appliance_domain
    return _TUNNEL_DOMAINS.get(identity.environment, "app.ironflock.com")


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415 - as above

    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _values(given: Mapping[str, object] | None) -> list[str]:
    return [
        f"{name}={_text(entry.get('value'))}"
        for name, entry in (given or {}).items()
        if isinstance(entry, Mapping) and name and name not in _NOT_FROM_PAYLOADS
    ]


def _defaults(given: Mapping[str, object] | None) -> dict[str, str]:
    return {
        name: f"{name}={_text(entry['defaultValue'])}"
        for name, entry in (given or {}).items()
        if isinstance(entry, Mapping) and name and entry.get("defaultValue") is not None
    }


def _mentioned(name: str, lines: Sequence[str]) -> bool:
    """Whether a default counts as given: its name stands anywhere in a line (apps.md Q-13).

    Apps in the field run with what this drops, so it stays until the platform says otherwise.
    """
    return any(name in line for line in lines)


def _text(value: object) -> str:
    """A JSON value as the field's apps know it: null is `<nil>`, integers are never floats."""
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    import json  # noqa: PLC0415 - lists and dicts are no values the platform offers

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
