"""`Engine`: a Docker engine 20.10 or newer, local or over TCP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from reagent.adapters.docker import containers, prune
from reagent.adapters.docker.address import from_environment
from reagent.adapters.docker.containers import mapping, sequence, text
from reagent.adapters.docker.errors import Refusal, translate
from reagent.adapters.docker.references import familiar, of_repository, split
from reagent.adapters.docker.sdk import Sdk
from reagent.adapters.docker.streams import (
    LIFE,
    EventStream,
    LineStream,
    instant,
    registry_auth,
)
from reagent.adapters.docker.wire import Wire
from reagent.adapters.threads import Threads
from reagent.contracts.engine import ContainerSeen, ContainerSpec, EngineEvent, Lines, Pruned
from reagent.errors import (
    ContainerNotFound,
    EngineFailed,
    ImageNotFound,
    ReagentError,
)
from reagent.model.app import Login

if TYPE_CHECKING:
    from reagent.adapters.docker.client import Client

T = TypeVar("T")

REMOVAL_S = 30.0
# The engine answers a pull when it has talked to the registry, and tries more than one way there.
PULL_ANSWER_S = 120.0
_FULL_ID = 64
_MAYBE_ID = re.compile(r"[0-9a-f]{1,63}")


class DockerEngine:
    """An engine at an address; connects when asked something, and again after every failure.

    Args:
        address: `unix:///path` or `tcp://host:port`; empty: DOCKER_HOST, else the usual socket.
        environment: where DOCKER_HOST and the TLS variables are looked up.
        now: seconds since the epoch, by the engine's clock when it is local.
    """

    def __init__(
        self,
        address: str = "",
        *,
        environment: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
    ) -> None:
        found = from_environment(address, environment)
        self._wire = Wire(found)
        self._sdk = Sdk(found, Threads("docker"))
        self._now = now

    @property
    def address(self) -> str:
        """Where it is asked."""
        return self._wire.address.text

    async def ping(self) -> None:
        """Raise `EngineUnavailable` unless the engine answers within 2 s."""
        with _translated():
            await self._wire.ping()

    async def data_root(self) -> str:
        """Where the engine keeps its data, 10 s."""
        with _translated():
            return text(mapping(await self._wire.get("info", within=10.0)).get("DockerRootDir"))

    # --- containers -----------------------------------------------------------------------------

    async def inspect(self, name_or_id: str) -> ContainerSeen:
        """Look a container up by its exact name or full id.

        The engine also takes the beginning of an id; we do not.
        """
        if not name_or_id:
            raise ContainerNotFound("No such container: a name is missing")
        with _translated(ContainerNotFound):
            found = containers.seen(await self._wire.get("containers", name_or_id, "json"))
        if name_or_id not in {found.name, found.id}:
            raise ContainerNotFound(f"No such container: {name_or_id}")
        return found

    async def create(self, spec: ContainerSpec) -> str:
        """Create a container; returns its id."""
        return await self._change(lambda docker: docker.create(spec))

    async def start(self, name_or_id: str) -> None:
        """Start it; running already is fine."""
        exact = await self._exact(name_or_id)
        await self._change(lambda docker: docker.start(exact))

    async def stop(self, name_or_id: str, grace: int) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; stopped already is fine."""
        exact = await self._exact(name_or_id)
        await self._change(lambda docker: docker.stop(exact, grace), within=30.0 + grace)

    async def remove(self, name_or_id: str) -> None:
        """Force-remove and wait until it is gone; gone or being removed already is fine."""
        with suppress(ContainerNotFound):
            found = await self.inspect(name_or_id)
            try:
                async with asyncio.timeout(REMOVAL_S):
                    await self._remove_and_wait(found.id)
            except TimeoutError as error:
                raise EngineFailed(
                    f"container {name_or_id} is still there {REMOVAL_S:g} s after its removal"
                ) from error

    async def list_containers(self) -> Sequence[Mapping[str, object]]:
        """All containers, running or not, as the engine's API summarises them."""
        with _translated():
            found = await self._wire.get("containers", "json", query={"all": "1"})
        return [mapping(summary) for summary in sequence(found)]

    # --- images ---------------------------------------------------------------------------------

    async def list_images(self, within: float = 30.0) -> Sequence[Mapping[str, object]]:
        """The engine's image list, intermediate ones left out, as its API gives it."""
        with _translated():
            found = await self._wire.get("images", "json", within=within)
        return [mapping(summary) for summary in sequence(found)]

    async def image_exists(self, reference: str) -> bool:
        """Whether exactly this reference is on the device."""
        try:
            with _translated(ImageNotFound):
                image = mapping(await self._wire.get("images", reference, "json"))
        except ImageNotFound:
            return False
        known = [*sequence(image.get("RepoTags")), *sequence(image.get("RepoDigests"))]
        return image.get("Id") == reference or familiar(reference) in known

    async def remove_images(self, repository: str) -> None:
        """Remove every tag of a repository, forced; none is fine.

        Digests too: they are what is left of a tag that moved on.
        """
        for image in await self.list_images():
            tags = of_repository(repository, image.get("RepoTags"))
            for reference in tags or of_repository(repository, image.get("RepoDigests")):
                await self.remove_image(reference)

    async def remove_image(self, reference: str) -> None:
        """Remove one reference, and the image with its last one; none is fine."""
        with suppress(ImageNotFound):
            await self._change(lambda docker: docker.remove_image(reference), ImageNotFound)

    async def prune_dangling(self) -> None:
        """Throw away images that have no name and no container."""
        with _translated():
            await prune.dangling(self._wire)

    async def prune_unused(self) -> Pruned:
        """Throw away all that no running container uses."""
        with _translated():
            return await prune.unused(self._wire)

    # --- streams --------------------------------------------------------------------------------

    def pull(self, reference: str, login: Login | None) -> AbstractAsyncContextManager[Lines]:
        """Pull an image. Lines are the engine's raw JSON records.

        An engine that goes away in the middle raises `EngineUnavailable` while reading.
        """
        return self._pull(reference, login)

    def logs(
        self,
        name_or_id: str,
        *,
        follow: bool,
        tail: str = "all",
        since: str = "",
        until: str = "",
        timestamps: bool = False,
    ) -> AbstractAsyncContextManager[Lines]:
        """Read a container's log, both streams.

        Args:
            name_or_id: exact.
            follow: go on until the container, or the engine, ends.
            tail: how many of the last lines, or `all`.
            since: first moment, RFC 3339 or seconds since the epoch.
            until: last moment.
            timestamps: put RFC 3339 and a space before each line.
        """
        query = {"stdout": "1", "stderr": "1", "tail": tail or "all"}
        if follow:
            query["follow"] = "1"
        if timestamps:
            query["timestamps"] = "1"
        if since:
            query["since"] = instant(since)
        if until:
            query["until"] = instant(until)
        return self._logs(name_or_id, query, endless=follow)

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[EngineEvent]]:
        """Container events from now on; ends when the engine goes away."""
        return self._events()

    async def close(self) -> None:
        """End every stream and the connections."""
        self._wire.close()
        self._sdk.close()

    # --- inside ---------------------------------------------------------------------------------

    async def _change(
        self,
        call: Callable[[Client], T],
        absent: type[ReagentError] | None = None,
        within: float = 30.0,
    ) -> T:
        with _translated(absent):
            version = await self._wire.version()
            return await self._sdk.run(version, call, within)

    async def _exact(self, name_or_id: str) -> str:
        """What the engine cannot take for the beginning of somebody else's id."""
        if not name_or_id or _MAYBE_ID.fullmatch(name_or_id):
            return (await self.inspect(name_or_id)).id
        return name_or_id

    async def _remove_and_wait(self, container: str) -> None:
        """Ends by `ContainerNotFound`: that is when it is gone."""
        try:
            version = await self._wire.version()
            await self._sdk.run(version, lambda docker: docker.remove(container))
        except Refusal as refusal:
            if not refusal.in_progress:
                raise translate(refusal, ContainerNotFound) from refusal
        pause = 0.02
        while True:
            await self.inspect(container)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    @asynccontextmanager
    async def _pull(self, reference: str, login: Login | None) -> AsyncIterator[Lines]:
        repository, tag = split(reference)
        with _translated(ImageNotFound):
            async with self._wire.stream(
                "POST",
                "images",
                "create",
                query={"fromImage": repository, "tag": tag},
                headers={"X-Registry-Auth": registry_auth(login)} if login else {},
                within=PULL_ANSWER_S,
            ) as stream:
                yield LineStream(stream)

    @asynccontextmanager
    async def _logs(
        self, name_or_id: str, query: Mapping[str, str], *, endless: bool
    ) -> AsyncIterator[Lines]:
        found = await self.inspect(name_or_id)
        with _translated(ContainerNotFound):
            async with self._wire.stream(
                "GET", "containers", found.id, "logs", query=query
            ) as stream:
                yield LineStream(stream, framed=not found.tty, endless=endless)

    @asynccontextmanager
    async def _events(self) -> AsyncIterator[AsyncIterator[EngineEvent]]:
        query = {"filters": json.dumps({"type": ["container"], "event": list(LIFE)})}
        if self._wire.address.is_local:
            # The engine answers before it listens to itself; what happens in between is replayed.
            query["since"] = f"{self._now():.9f}"
        with _translated():
            async with self._wire.stream("GET", "events", query=query) as stream:
                yield EventStream(stream)


@contextmanager
def _translated(absent: type[ReagentError] | None = None) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise translate(refusal, absent) from refusal
