"""What only a real engine can show: what a container is made of, and how much a log may carry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from reagent.adapters.docker.engine import DockerEngine
from reagent.contracts.engine import Mount, PortBinding
from sandbox import images
from sandbox.engine import GivenEngine, OwnEngine, open_client
from sandbox.registry import Registry
from tests.contract.engine_worlds import (  # noqa: F401  # pytest finds `services` by its name
    LOGIN,
    Real,
    read,
    services,
    spec,
    until,
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.docker]

LINES = 100_000


@pytest.fixture
async def world(
    services: tuple[OwnEngine | GivenEngine, Registry],  # noqa: F811
) -> AsyncIterator[Real]:
    made = Real(*services)
    yield made
    await made.close()


def raw(world: Real, name: str) -> Mapping[str, dict[str, object]]:
    """What the engine itself says of a container."""
    with closing(open_client(world.daemon.address)) as client:
        found: Mapping[str, dict[str, object]] = client.api.inspect_container(name)
        return found


async def test_an_apps_container_is_made_as_the_platform_knows_it(
    world: Real, tmp_path: Path
) -> None:
    if not world.privileged:
        pytest.skip("this engine cannot start privileged containers")
    image = await world.has_image("apps/9_app:1.0.0")
    asked = spec(
        world,
        "prod_9_app",
        image,
        environment=["ENV=PROD", "APP_NAME=App with = and spaces"],
        mounts=[Mount(str(tmp_path), "/data")],
        bindings=[PortBinding(80, "tcp", 40901), PortBinding(80, "udp", 40902)],
    )

    await world.engine.create(asked)
    await world.engine.start("prod_9_app")
    made = raw(world, "prod_9_app")
    config, host = made["Config"], made["HostConfig"]

    assert {key: config[key] for key in ("Tty", "OpenStdin", "StdinOnce", "AttachStdin")} == {
        "Tty": True,
        "OpenStdin": False,
        "StdinOnce": False,
        "AttachStdin": False,
    }
    assert (config["AttachStdout"], config["AttachStderr"]) == (False, False)
    assert config["Env"] == ["ENV=PROD", "APP_NAME=App with = and spaces", "PATH=/bin"]
    assert config["Labels"] == {"real": "True"}
    assert config["ExposedPorts"] == {"80/tcp": {}, "80/udp": {}}
    assert (config["Volumes"], config["Entrypoint"]) == (None, None)
    assert (config["User"], config["WorkingDir"]) == ("", "")
    assert host["Privileged"] is True
    assert host["CapAdd"] == ["ALL"] or "CAP_SYS_ADMIN" in str(host["CapAdd"])
    assert host["Devices"] == [
        {"PathOnHost": "/dev", "PathInContainer": "/dev", "CgroupPermissions": ""}
    ]
    assert host["NetworkMode"] == "bridge"
    assert host["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert host["RestartPolicy"] == {"Name": "no", "MaximumRetryCount": 0}
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40901"}],
        "80/udp": [{"HostIp": "0.0.0.0", "HostPort": "40902"}],
    }
    assert host["Mounts"] == [{"Type": "bind", "Source": str(tmp_path), "Target": "/data"}]
    assert host["Binds"] is None
    assert host["LogConfig"] == {"Type": "json-file", "Config": {}}
    assert (host["Memory"], host["NanoCpus"], host["Ulimits"]) == (0, 0, None)


async def test_a_developers_container_takes_input(world: Real) -> None:
    image = await world.has_image("apps/9_app:1.0.0")

    await world.engine.create(spec(world, "prod_9_app", image, interactive=True))
    config = raw(world, "prod_9_app")["Config"]

    attached = [config[f"Attach{name}"] for name in ("Stdin", "Stdout", "Stderr")]
    assert attached == [True, True, True]
    assert (config["OpenStdin"], config["StdinOnce"]) == (True, False)


async def test_proxies_and_logins_of_the_user_do_not_get_into_containers(
    world: Real, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://p"}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    image = await world.has_image("apps/9_app:1.0.0")
    engine = DockerEngine(world.daemon.address)

    await engine.create(spec(world, "prod_9_app", image, environment=["ENV=PROD"]))
    await engine.close()

    assert raw(world, "prod_9_app")["Config"]["Env"] == ["ENV=PROD", "PATH=/bin"]


async def test_a_taken_port_is_refused_in_words_that_callers_look_for(world: Real) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    bindings = [PortBinding(80, "tcp", 40901)]
    for name in ("prod_9_app", "prod_9_other"):
        await world.engine.create(spec(world, name, image, bindings=bindings))
    await world.engine.start("prod_9_app")

    with pytest.raises(Exception, match=r"port is already allocated|address already in use"):
        await world.engine.start("prod_9_other")


@pytest.mark.parametrize("tty", [True, False])
async def test_no_line_of_a_busy_container_is_lost(world: Real, *, tty: bool) -> None:
    image = await world.pulled("apps/9_app:1.0.0", images.app("burst"))
    await world.engine.create(spec(world, "prod_9_app", image, tty=tty))
    await world.engine.start("prod_9_app")

    async with world.engine.logs("prod_9_app", follow=True) as lines:
        found = await read(lines, LINES)

    assert found == [f"{number:05}" for number in range(LINES)]


async def test_who_reads_slowly_makes_the_engine_wait_and_loses_nothing(world: Real) -> None:
    image = await world.pulled("apps/9_app:1.0.0", images.app("burst"))
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")
    largest = 0
    found: list[str] = []

    async with world.engine.logs("prod_9_app", follow=True) as lines, asyncio.timeout(60):
        async for batch in lines:
            largest = max(largest, len(batch))
            found += batch
            if len(found) >= LINES:
                break
            await asyncio.sleep(0.01)

    assert found == [f"{number:05}" for number in range(LINES)]
    assert largest < LINES / 4


async def test_a_dead_container_still_has_its_log(world: Real) -> None:
    image = await world.has_image("apps/9_app:1.0.0", prints=["last words"], exits_with=1)
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")
    await until(world, "prod_9_app", "exited")

    async with world.engine.logs("prod_9_app", follow=True) as lines:
        assert await read(lines) == ["last words"]


async def test_a_pull_that_is_cancelled_ends_at_once(world: Real) -> None:
    image = await world.offers("apps/9_app:1.0.0")

    async def pull() -> None:
        async with world.engine.pull(image, LOGIN) as lines:
            await read(lines)

    task = asyncio.create_task(pull())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(20):
        with pytest.raises(asyncio.CancelledError):
            await task
