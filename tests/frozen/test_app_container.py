"""The container of an app: everything in it, its files and its ports (docs/contract/apps.md 3)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.answers import UPDATE_APP
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.steps import AppOf, online

pytestmark = pytest.mark.timeout(60)

Engine = OwnEngine | GivenEngine

ENVIRONMENT: dict[str, object] = {
    "MODE": {"value": "fast"},
    "LIMIT": {"value": 1000000},
    "RATE": {"value": 1.5},
    "ON": {"value": True},
    "NOTHING": {"value": None},
    "LINES": {"value": "one\ntwo\tthree\r"},
    "APP_AUTH_ID": {"value": "forged"},
    "APP_AUTH_SECRET": {"value": "forged"},
    "ODD": "no object",
    "HUGE": {"value": "x" * 20480},
    "DEVICE_NAME": {"value": "mine"},
}
TEMPLATE: dict[str, object] = {
    "LEVEL": {"defaultValue": "info"},
    "MODE": {"defaultValue": "slow"},
    "NONE": {"defaultValue": None},
    "ABSENT": {},
}
PORTS: list[dict[str, object]] = [
    {"name": "web", "main": True, "active": True, "port": 80, "protocol": "http"},
    {"name": "dns", "port": 5353, "protocol": "udp", "active": False},
    {
        "name": "elsewhere",
        "port": 9000,
        "protocol": "tcp",
        "local_ip": "192.0.2.7",
        "cloud_remote_port": 30777,
        "remote_port_environment": "ELSEWHERE",
    },
    {"name": "kept", "port": 1883, "protocol": "tcp", "host_port": 41234},
]


def inspected(engine: Engine, container: str) -> Any:
    with engine.client() as client:
        return client.api.inspect_container(container)


def ports_of(report: Mapping[str, object]) -> dict[str, dict[str, object]]:
    ports = report["ports"]
    return {rule["name"]: rule for rule in ports} if isinstance(ports, list) else {}


def credential(device: Device, key: int, epoch: int) -> str:
    """docs/contract/wamp.md, annex B."""
    parts = ("ironflock/app-cred/v1", device.identity.serial_number, str(key), "PROD", str(epoch))
    digest = hmac.new(
        device.identity.cred_key.encode(), "|".join(parts).encode(), hashlib.sha256
    ).digest()
    return base64.b64encode(digest).decode()


async def test_the_container_is_made_as_every_agent_before_made_it(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 501, "Vision")
    image = app.push()
    await online(cloud, device)

    await app.bring(system, "RUNNING")

    seen = inspected(engine, "prod_501_vision")
    config, host = seen["Config"], seen["HostConfig"]
    assert seen["Name"] == "/prod_501_vision"
    assert config["Image"] == image
    assert config["Tty"] is True
    assert config["AttachStdin"] is config["OpenStdin"] is False
    assert config["Labels"] == {"real": "True"}
    assert config["Cmd"] == ["/bin/sh", "/app.sh"]
    assert not config["Entrypoint"]
    assert config["User"] == config["WorkingDir"] == ""
    assert config.get("Healthcheck") is None
    assert config.get("ExposedPorts") in (None, {})
    assert host["Privileged"] is True
    assert host["CapAdd"] in (["ALL"], ["CAP_ALL"])
    assert host["Devices"] == [
        {"PathOnHost": "/dev", "PathInContainer": "/dev", "CgroupPermissions": ""}
    ]
    assert host["NetworkMode"] == "bridge"
    assert host["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert host["RestartPolicy"] == {"Name": "no", "MaximumRetryCount": 0}
    assert host["PortBindings"] in (None, {})
    assert host["Memory"] == host["NanoCpus"] == 0
    assert host["LogConfig"]["Config"] in (None, {})
    mounts = {m["Destination"]: (m["Type"], m["Source"], m["RW"]) for m in seen["Mounts"]}
    expected = {
        "/data": ("bind", str(device.apps / "prod/vision"), True),
        "/shared": ("bind", str(device.apps / "shared"), True),
    }
    for path in ("/sys/bus/w1/devices", "/usr/local/cuda"):
        if Path(path).exists():
            expected[path] = ("bind", path, True)
    assert mounts == expected


async def test_the_environment_and_its_files(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 502, "Env_App")
    app.push("environment")
    await online(cloud, device)
    who = device.identity

    await app.bring(
        system,
        "RUNNING",
        environment=ENVIRONMENT,
        environment_template=TEMPLATE,
        ports=PORTS,
        instance_key=5,
        app_cred_epoch=2,
    )

    env = [e for e in inspected(engine, app.container)["Config"]["Env"] if e != "PATH=/bin"]
    names = [entry.partition("=")[0] for entry in env]
    secret = credential(device, 502, 2)
    lan = [entry for entry in env if entry.startswith("DEVICE_LAN_IP=")]
    block = [
        f"DEVICE_SERIAL_NUMBER={who.serial_number}",
        "ENV=PROD",
        f"DEVICE_KEY={who.device_key}",
        f"SWARM_KEY={who.swarm_key}",
        "APP_KEY=502",
        "APP_NAME=Env_App",
        f"DEVICE_NAME={who.device_name}",
        f"DEVICE_ENDPOINT_URL=ws://host.docker.internal:{cloud.router.port}/ws-re-dev",
        "TUNNEL_DOMAIN=localhost",
        f"APP_AUTH_ID=app-502-prod-e2@{who.serial_number}",
        f"APP_AUTH_SECRET={secret}",
        *lan,
        "INSTANCE_KEY=5",
        "RESWARM_URL=https://studio.example.org",
        "DEVICE_URL=https://studio.example.org/acme/swarms/hall-b/settings/devices/press-07",
    ]
    assert env[: len(block)] == block
    for entry in (
        "DEVICE_NAME=mine",
        "MODE=fast",
        "LIMIT=1000000",
        "RATE=1.5",
        "ON=true",
        "NOTHING=<nil>",
        r"LINES=one\ntwo\tthree\r",
        "LEVEL=info",
        "DEVICE_PORT_FOR_80=40000",
        "DEVICE_PORT_FOR_1883=41234",
        "DEVICE_PORT_FOR_5353=40001",
        "ELSEWHERE_CLOUD=30777",
        "REMOTE_PORT_FOR_9000_CLOUD=30777",
    ):
        assert entry in env, (entry, env)
    for name in ("ODD", "HUGE", "NONE", "ABSENT", "DEVICE_SECRET", "DEVICE_PORT_FOR_9000"):
        assert name not in names
    assert env.count("APP_AUTH_ID=forged") == 0

    folder = device.apps / "prod/env_app/env"
    files = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    written = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    refreshed = {"ELSEWHERE_CLOUD.txt", "REMOTE_PORT_FOR_9000_CLOUD.txt"}
    assert {mode for name, mode in written.items() if name not in refreshed} == {0o600}
    assert files["HUGE.txt"] == "x" * 20480
    # Of two with the same name the last one counts: the app's own.
    values = {name: value for name, _, value in (entry.partition("=") for entry in env)}
    assert {name: files[f"{name}.txt"] for name in values} == values
    assert "DEVICE_SECRET.txt" not in files
    assert who.secret not in "".join(files.values()) + "".join(env)


async def test_ports_are_published_kept_and_reported(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 503, "ports")
    app.push("web")
    await online(cloud, device)

    await app.bring(system, "RUNNING", ports=PORTS)

    seen = inspected(engine, app.container)
    bindings = seen["HostConfig"]["PortBindings"]
    assert set(bindings) == {"80/tcp", "5353/udp", "1883/tcp"}
    assert bindings["1883/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "41234"}]
    web = int(bindings["80/tcp"][0]["HostPort"])
    assert 40000 <= web <= 49999
    reader, writer = await asyncio.open_connection("127.0.0.1", web)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert b"hello from" in await reader.read()
    writer.close()

    # Once before the start, when nothing is published yet, and once after it.
    calls = await cloud.backend.called(UPDATE_APP, lambda c: "ports" in c.first, times=2)
    fresh, report = (dict(call.first) for call in calls[:2])
    assert "host_port" not in ports_of(fresh)["web"]
    assert set(report) == {"app_key", "device_key", "swarm_key", "stage", "ports"}
    assert (report["app_key"], report["stage"]) == (503, "PROD")
    rules = ports_of(report)
    assert rules["web"] == {
        "main": True,
        "name": "web",
        "active": True,
        "public": False,
        "port": 80,
        "protocol": "http",
        "local_ip": "",
        "remote_port_environment": "",
        "remote_port": 0,
        "host_port": web,
    }
    assert rules["kept"]["host_port"] == 41234
    assert rules["dns"]["host_port"] == int(bindings["5353/udp"][0]["HostPort"])
    assert "host_port" not in rules["elsewhere"]
    assert rules["elsewhere"]["cloud_remote_port"] == 30777


async def test_a_rule_without_a_protocol_is_http_and_one_that_is_wrong_ends_the_request(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 504, "rules")
    app.push()
    await online(cloud, device)

    await app.bring(system, "RUNNING", ports=[{"name": "web", "port": 8080}])
    assert set(inspected(engine, app.container)["HostConfig"]["PortBindings"]) == {"8080/tcp"}
    seen = len(app.states)
    await app.ask(system, "PRESENT", ports=[{"name": "web", "port": "8080"}])
    await asyncio.sleep(patient(0.7))

    assert app.states[seen:] == []
    assert inspected(engine, app.container)["State"]["Running"] is True


async def test_a_stopped_app_gets_the_port_again_that_it_had(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    first, second = (AppOf(cloud, device, key, f"app{key}") for key in (505, 506))
    first.push()
    second.push()
    await online(cloud, device)
    rule = [{"name": "web", "port": 8080, "protocol": "http"}]

    def port(app: AppOf) -> str:
        bindings = inspected(engine, app.container)["HostConfig"]["PortBindings"]
        return str(bindings["8080/tcp"][0]["HostPort"])

    await first.bring(system, "RUNNING", ports=rule)
    await second.bring(system, "RUNNING", ports=rule)
    ports = port(first), port(second)
    await first.bring(system, "PRESENT", ports=rule)
    await first.bring(system, "RUNNING", ports=rule)

    assert ports[0] != ports[1]
    assert port(first) == ports[0]


async def test_a_port_that_somebody_took_is_replaced(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 507, "squeezed")
    app.push("web")
    await online(cloud, device)
    squatter = await asyncio.start_server(lambda _r, w: w.close(), "0.0.0.0", 0)
    taken = squatter.sockets[0].getsockname()[1]

    await app.bring(system, "RUNNING", ports=[{"name": "web", "port": 80, "host_port": taken}])

    bound = inspected(engine, app.container)["HostConfig"]["PortBindings"]["80/tcp"]
    squatter.close()
    assert int(bound[0]["HostPort"]) in range(40000, 50000)
    assert int(bound[0]["HostPort"]) != taken


async def test_what_the_device_is_called_reaches_the_next_container(
    cloud: Cloud, device: Device, program: Program, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 508, "named")
    app.push()
    app.want("RUNNING")
    changes = {"appliance_domain": "apps.example.org"}
    device = cloud.new_device(program, identity=device.identity, changes=changes)
    await online(cloud, device)
    await app.reached("RUNNING")

    env = inspected(engine, app.container)["Config"]["Env"]

    assert "TUNNEL_DOMAIN=apps.example.org" in env
    assert f"DEVICE_NAME={device.identity.device_name}" in env
