"""The two worlds in which an `Engine` is judged: in memory, and a real engine with a registry."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Protocol

import pytest

from reagent.adapters.docker.engine import DockerEngine
from reagent.contracts.engine import ContainerSpec, Engine, Lines
from reagent.model.app import Login
from sandbox import images
from sandbox.engine import GivenEngine, OwnEngine, open_client, own_engine
from sandbox.fixtures import unavailable
from sandbox.packages import PackagesMissing
from sandbox.paths import run_folder
from sandbox.processes import SandboxError
from sandbox.registry import Registry
from sandbox.trim_runtime import NAMES, held
from tests.fakes.engine import FakeEngine

# An engine that is there already, for machines where none of our own can be started.
_GIVEN: Final = os.environ.get("REAGENT_TEST_ENGINE") or ""

LOGIN: Final = Login("token", "secret")
_WAIT: Final = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"


class World(Protocol):
    """What a test arranges, in words that both worlds understand."""

    engine: Engine
    privileged: bool
    can_go_down: bool

    async def has_image(
        self, name: str, *, prints: Sequence[str] = (), exits_with: int | None = None
    ) -> str:
        """An image on the device; containers of it print, and end or wait. Returns its name."""
        ...

    async def offers(self, name: str) -> str:
        """An image in the registry, for whoever has `LOGIN`. Returns its name."""
        ...

    async def has_broken_image(self, name: str) -> str:
        """An image whose containers cannot be started."""
        ...

    async def has_dangling_image(self, name: str) -> None:
        """An image that lost this name to a newer one, which is there too."""
        ...

    async def has_leftovers(self) -> tuple[str, str]:
        """A network and a volume that nobody uses and nobody named; returns their names."""
        ...

    async def go_down(self) -> None: ...

    async def come_up(self) -> None: ...

    async def close(self) -> None: ...


class Memory:
    """The fake."""

    privileged = True
    can_go_down = True

    def __init__(self) -> None:
        self.fake = FakeEngine()
        self.engine: Engine = self.fake

    async def has_image(
        self, name: str, *, prints: Sequence[str] = (), exits_with: int | None = None
    ) -> str:
        self.fake.has_image(f"registry:5000/{name}")
        self.fake.program(f"registry:5000/{name}", prints=prints, exits_with=exits_with)
        return f"registry:5000/{name}"

    async def offers(self, name: str) -> str:
        self.fake.offers(f"registry:5000/{name}", LOGIN)
        return f"registry:5000/{name}"

    async def has_broken_image(self, name: str) -> str:
        self.fake.refuse_start("exec: /not/there: no such file or directory")
        return await self.has_image(name)

    async def has_dangling_image(self, name: str) -> None:
        self.fake.has_dangling_image()
        await self.has_image(name)

    async def has_leftovers(self) -> tuple[str, str]:
        self.fake.has_network("prod_9_net")
        self.fake.has_volume("6f1e")
        return "prod_9_net", "6f1e"

    async def go_down(self) -> None:
        self.fake.go_down()

    async def come_up(self) -> None:
        self.fake.come_up()

    async def close(self) -> None:
        await self.fake.close()


class Real:
    """A real engine; the registry is on loopback, which engines trust without TLS."""

    def __init__(self, daemon: OwnEngine | GivenEngine, registry: Registry) -> None:
        self.daemon = daemon
        self.registry = registry
        self.engine: Engine = DockerEngine(daemon.address)
        self.privileged = _may_be_privileged(daemon.address)
        self.can_go_down = isinstance(daemon, OwnEngine)

    async def has_image(
        self, name: str, *, prints: Sequence[str] = (), exits_with: int | None = None
    ) -> str:
        ending = _WAIT if exits_with is None else f"exit {exits_with}"
        script = "\n".join([*(f"echo {shlex.quote(line)}" for line in prints), ending])
        return await self.pulled(name, images.make(["/bin/sh", "-c", script]))

    async def offers(self, name: str) -> str:
        return await self._pushed(name, images.make(["/bin/sh"], env={"NAME": name}))

    async def has_broken_image(self, name: str) -> str:
        return await self.pulled(name, images.make(["/not/there"]))

    async def has_dangling_image(self, name: str) -> None:
        for number in ("1", "2"):
            await self.pulled(name, images.make(["/bin/sh"], env={"NUMBER": number}))

    async def has_leftovers(self) -> tuple[str, str]:
        return await asyncio.to_thread(self._leave_something)

    def _leave_something(self) -> tuple[str, str]:
        with closing(open_client(self.daemon.address)) as client:
            network = client.networks.create("prod_9_net")
            return str(network.name), str(client.volumes.create().name)

    async def go_down(self) -> None:
        if isinstance(self.daemon, OwnEngine):
            await asyncio.to_thread(self.daemon.stop)

    async def come_up(self) -> None:
        await asyncio.to_thread(self.daemon.start)

    async def close(self) -> None:
        await self.engine.close()
        await asyncio.to_thread(self._empty)

    async def pulled(self, name: str, image: images.Image) -> str:
        reference = await self._pushed(name, image)
        async with self.engine.pull(reference, LOGIN) as records:
            async for _ in records:
                pass
        return reference

    async def _pushed(self, name: str, image: images.Image) -> str:
        repository, _, tag = name.rpartition(":")
        return await asyncio.to_thread(self.registry.push, repository, tag, image)

    def _empty(self) -> None:
        """Take away what the test made: containers named like apps, images of our registry."""
        with closing(open_client(self.daemon.address)) as client:
            for container in client.containers.list(all=True):
                if (container.name or "").startswith("prod_9"):
                    container.remove(force=True, v=True)
            for image in client.images.list():
                if any(tag.startswith(f"{self.registry.address}/") for tag in image.tags):
                    client.images.remove(image.id or "", force=True)


def spec(world: World, name: str, image: str, **changes: object) -> ContainerSpec:
    """A container as apps get it, as privileged as the engine allows."""
    given: dict[str, object] = {
        "name": name,
        "image": image,
        "labels": {"real": "True"},
        "privileged": world.privileged,
        "cap_add": ("ALL",) if world.privileged else (),
        **changes,
    }
    return ContainerSpec(**given)  # type: ignore[arg-type]  # checked by the dataclass's users


def _may_be_privileged(address: str) -> bool:
    """Whether the engine trims what the host lacks, or the host lacks nothing."""
    with closing(open_client(address)) as client:
        if client.info().get("DefaultRuntime") == "trim":
            return True
    return len(held(Path("/proc/self/status").read_text(encoding="ascii"))) == len(NAMES)


async def read(lines: Lines, count: int | None = None) -> list[str]:
    """The first lines of a stream, or all of them."""
    found: list[str] = []
    async with asyncio.timeout(20):
        async for batch in lines:
            found += batch
            if count is not None and len(found) >= count:
                break
    return found


async def until(world: World, name: str, status: str) -> None:
    """Wait for a status. Engines have no event for each of them."""
    async with asyncio.timeout(20):
        while (await world.engine.inspect(name)).status != status:
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[OwnEngine | GivenEngine, Registry]]:
    with ExitStack() as stack:
        try:
            registry = Registry(stack.enter_context(run_folder()))
            stack.callback(registry.close)
            daemon = GivenEngine(_GIVEN) if _GIVEN else stack.enter_context(own_engine(kept=False))
            daemon.start()
            registry.start()
            registry.admit(LOGIN.username, LOGIN.password)
        except (SandboxError, PackagesMissing) as error:
            unavailable(str(error))
            raise
        yield daemon, registry
