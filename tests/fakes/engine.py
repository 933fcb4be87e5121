"""A Docker engine in memory. It keeps what the contract says, and does what a test tells it to.

    engine = FakeEngine()
    engine.has_image("registry/prod_amd64_1_app:1.0.0")
    engine.program("registry/prod_amd64_1_app", prints=["hello"])
    ...
    engine.crash("prod_1_app", 3)

What was asked of it, in order, stands in `asked`: `create prod_1_app`, `start prod_1_app`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from reagent.contracts.engine import ContainerSeen, ContainerSpec, EngineEvent, Lines, Pruned
from reagent.errors import (
    ContainerNotFound,
    EngineFailed,
    EngineUnavailable,
    ImageNotFound,
    ReagentError,
)
from reagent.model.app import Login
from tests.fakes.containers import Container, Line, Program, Query, repository, tagged

_ALIVE = frozenset({"running", "paused", "restarting"})


class FakeEngine:
    """An `Engine`; after its methods come the intent verbs of tests."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.asked: list[str] = []
        self.created: list[ContainerSpec] = []
        self.logins: list[Login | None] = []
        self.down = False
        self._now = now
        self._counter = 0
        self._images: dict[str, list[str]] = {}
        self._dangling: list[str] = []
        self._networks: list[str] = []
        self._volumes: list[str] = []
        self._offered: dict[str, Login | None] = {}
        self._containers: dict[str, Container] = {}
        self._programs: dict[str, Program] = {}
        self._refusals: defaultdict[str, deque[ReagentError]] = defaultdict(deque)
        self._held: set[str] = set()
        self._pull_error = ""
        self._old_list: list[Mapping[str, object]] | None = None
        self._listeners: list[asyncio.Queue[EngineEvent | None]] = []
        self._life = 0
        self._pulse = asyncio.Event()

    # --- the contract ---------------------------------------------------------------------------

    async def ping(self) -> None:
        await self._enter("ping")

    async def data_root(self) -> str:
        await self._enter("data_root")
        return "/var/lib/docker"

    async def inspect(self, name_or_id: str) -> ContainerSeen:
        await self._enter("inspect", name_or_id)
        return self._find(name_or_id).seen()

    async def create(self, spec: ContainerSpec) -> str:
        self.created.append(spec)
        await self._enter("create", spec.name)
        if not self._has(spec.image):
            raise ImageNotFound(f"No such image: {tagged(spec.image)}")
        if spec.name in self._containers:
            raise EngineFailed(
                f'Conflict. The container name "/{spec.name}" is already in use by container '
                f'"{self._containers[spec.name].id}". You have to remove (or rename) that '
                "container to be able to reuse that name."
            )
        container = Container(self._new_id(), spec, int(self._now()))
        self._containers[spec.name] = container
        self._tell(container, "create")
        return container.id

    async def start(self, name_or_id: str) -> None:
        try:
            await self._enter("start", self._name(name_or_id))
        except EngineFailed as error:
            with suppress(ContainerNotFound):
                failed = self._find(name_or_id)
                failed.error, failed.exit_code = str(error), 128
            raise
        container = self._find(name_or_id)
        if container.status == "running":
            return
        container.status, container.exit_code, container.error = "running", 0, ""
        self._tell(container, "start")
        program = self._programs.get(repository(container.spec.image), Program())
        self.print(container.name, program.prints)
        if program.exits_with is not None:
            self.crash(container.name, program.exits_with)

    async def stop(self, name_or_id: str, grace: int) -> None:
        await self._enter("stop", self._name(name_or_id))
        container = self._find(name_or_id)
        if container.status == "running":
            container.status, container.exit_code = "exited", 137
            self._tell(container, "kill", "die", "stop")

    async def remove(self, name_or_id: str) -> None:
        await self._enter("remove", self._name(name_or_id))
        with suppress(ContainerNotFound):
            self.vanish(self._find(name_or_id).name)

    async def list_containers(self) -> Sequence[Mapping[str, object]]:
        await self._enter("list_containers")
        if self._old_list is not None:
            return self._old_list
        return [container.summary() for container in reversed(self._containers.values())]

    async def list_images(self, within: float = 30.0) -> Sequence[Mapping[str, object]]:
        await self._enter("list_images")
        return [
            {
                "Id": image,
                "ParentId": "",
                "RepoTags": list(tags),
                "RepoDigests": [],
                "Created": 1930000000,
                "Containers": -1,
                "SharedSize": -1,
                "Size": 52428800,
                "Labels": None,
            }
            for image, tags in [*self._images.items(), *((each, []) for each in self._dangling)]
        ]

    async def image_exists(self, reference: str) -> bool:
        await self._enter("image_exists", reference)
        return self._has(reference)

    async def remove_images(self, repository: str) -> None:
        await self._enter("remove_images", repository)
        self.lost_images(*(tag for tag in self.tags if tag.rpartition(":")[0] == repository))

    async def remove_image(self, reference: str) -> None:
        await self._enter("remove_image", reference)
        self.lost_images(reference)

    async def prune_dangling(self) -> None:
        await self._enter("prune_dangling")
        self._dangling.clear()

    async def prune_unused(self) -> Pruned:
        await self._enter("prune_unused")
        stopped = [each for each in self._containers.values() if each.status not in _ALIVE]
        for container in stopped:
            self.vanish(container.name)
        used = {tagged(each.spec.image) for each in self._containers.values()}
        unused = [tag for tag in self.tags if tag not in used]
        images = [image for image, tags in self._images.items() if used.isdisjoint(tags)]
        gone = [*images, *self._dangling]
        self.lost_images(*unused)
        self._dangling = []
        networks, self._networks = self._networks, []
        volumes, self._volumes = self._volumes, []
        return Pruned(
            containers=[container.id for container in stopped],
            networks=networks,
            volumes=volumes,
            images=[
                *(f"untagged: {tag}" for tag in unused),
                *(f"deleted: {each}" for each in gone),
            ],
            size=len(gone) * 52_428_800,
        )

    def pull(self, reference: str, login: Login | None) -> AbstractAsyncContextManager[Lines]:
        return self._pull(tagged(reference), login)

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
        return self._logs(name_or_id, Query(follow, tail, since, until, timestamps))

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[EngineEvent]]:
        await self._enter("events")
        queue: asyncio.Queue[EngineEvent | None] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            yield _drain(queue)
        finally:
            self._listeners.remove(queue)

    async def close(self) -> None:
        self.asked.append("close")
        self._end_streams()

    # --- what tests tell it ---------------------------------------------------------------------

    def has_image(self, *references: str) -> None:
        """One image on the device, under these references."""
        self.lost_images(*references)
        self._images[f"sha256:{self._new_id()}"] = [tagged(reference) for reference in references]

    def has_dangling_image(self) -> None:
        """An image that lost its name to a newer one."""
        self._dangling.append(f"sha256:{self._new_id()}")

    def has_network(self, name: str) -> None:
        """A network that nobody uses."""
        self._networks.append(name)

    def has_volume(self, name: str) -> None:
        """A volume that nobody uses."""
        self._volumes.append(name)

    def lost_images(self, *references: str) -> None:
        """Somebody removed these references behind our back."""
        gone = {tagged(reference) for reference in references}
        kept = {image: [t for t in tags if t not in gone] for image, tags in self._images.items()}
        self._images = {image: tags for image, tags in kept.items() if tags}

    def offers(self, reference: str, login: Login | None = None) -> None:
        """The registry has this image; with `login` it gives it to nobody else."""
        self._offered[tagged(reference)] = login

    def program(
        self, image: str, *, prints: Sequence[str] = (), exits_with: int | None = None
    ) -> None:
        """What containers of this image (any tag) do when they are started."""
        self._programs[repository(image)] = Program(prints, exits_with)

    def has_container(
        self,
        name: str,
        *,
        image: str = "made/elsewhere",
        status: str = "running",
        labels: Mapping[str, str] | None = None,
        spec: ContainerSpec | None = None,
    ) -> Container:
        """A container that was there before us; `spec` wins over image and labels."""
        made = spec or ContainerSpec(name=name, image=image, labels=labels or {})
        container = Container(self._new_id(), made, int(self._now()), status)
        self._containers[name] = container
        return container

    def container(self, name: str) -> Container:
        """Look into one; KeyError when there is none."""
        return self._containers[name]

    @property
    def names(self) -> list[str]:
        """Every container there is, oldest first."""
        return list(self._containers)

    @property
    def tags(self) -> list[str]:
        """Every reference on the device."""
        return [tag for tags in self._images.values() for tag in tags]

    def crash(self, name: str, code: int = 1) -> None:
        """The program of a running container ends."""
        container = self._containers[name]
        container.status, container.exit_code = "exited", code
        self._tell(container, "die")

    def list_lags(self) -> None:
        """The list shows from now on what is so now, as an engine's does until it wrote it down."""
        self._old_list = [each.summary() for each in reversed(self._containers.values())]

    def become(self, name: str, status: str) -> None:
        """Put a container into any of the engine's statuses: `paused`, `dead`, `removing`."""
        self._containers[name].status = status
        self._wake()

    def vanish(self, name: str) -> None:
        """Somebody removed the container behind our back."""
        container = self._containers.pop(name)
        if container.status == "running":
            self._tell(container, "kill", "die")
        container.status = "removed"
        self._tell(container, "destroy")

    def print(self, name: str, lines: Sequence[str]) -> None:
        """The program of a container writes lines."""
        self._containers[name].output.extend(Line(self._now(), line) for line in lines)
        self._wake()

    def go_down(self) -> None:
        """The daemon ends: streams end, calls raise `EngineUnavailable`. Containers stay."""
        self.down = True
        self._end_streams()

    def come_up(self) -> None:
        self.down = False

    def refuse(self, call: str, text: str, *, times: int = 1) -> None:
        """The next `times` calls of a method (`list_images`, `remove`...) fail with `text`."""
        self._refusals[call].extend(EngineFailed(text) for _ in range(times))

    def refuse_create(self, text: str, *, times: int = 1) -> None:
        self.refuse("create", text, times=times)

    def refuse_start(self, text: str, *, times: int = 1) -> None:
        """Starting fails; the container stays and remembers the text as its error."""
        self.refuse("start", text, times=times)

    def hold(self, call: str) -> None:
        """Calls of this method hang until `release`."""
        self._held.add(call)

    def release(self, call: str) -> None:
        self._held.discard(call)
        self._wake()

    def spoil_pull(self, text: str) -> None:
        """The next pull begins well and ends with an error record."""
        self._pull_error = text

    def slow_pull(self) -> None:
        """Pulls stop after their first record until `finish_pull`."""
        self.hold("pulling")

    def finish_pull(self) -> None:
        self.release("pulling")

    async def until_asked(self, request: str, times: int = 1) -> None:
        """Wait until a request such as `start prod_1_app` came in so many times."""
        while self.asked.count(request) < times:
            await self._pulse.wait()

    # --- inside ---------------------------------------------------------------------------------

    async def _enter(self, call: str, subject: str = "") -> None:
        self.asked.append(f"{call} {subject}".rstrip())
        self._wake()
        await asyncio.sleep(0)
        while call in self._held:
            await self._pulse.wait()
        if self.down:
            raise EngineUnavailable("the Docker engine does not answer at fake://")
        if self._refusals[call]:
            raise self._refusals[call].popleft()

    def _wake(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()

    def _tell(self, container: Container, *actions: str) -> None:
        for action in actions:
            event = EngineEvent(action, container.name, dict(container.spec.labels))
            for queue in self._listeners:
                queue.put_nowait(event)
        self._wake()

    def _end_streams(self) -> None:
        self._life += 1
        for queue in self._listeners:
            queue.put_nowait(None)
        self._wake()

    def _new_id(self) -> str:
        self._counter += 1
        return f"{self._counter:064x}"

    def _has(self, reference: str) -> bool:
        return tagged(reference) in self.tags

    def _find(self, name_or_id: str) -> Container:
        by_id = {container.id: container for container in self._containers.values()}
        container = self._containers.get(name_or_id) or by_id.get(name_or_id)
        if container is None:
            raise ContainerNotFound(f"No such container: {name_or_id}")
        return container

    def _name(self, name_or_id: str) -> str:
        with suppress(ContainerNotFound):
            return self._find(name_or_id).name
        return name_or_id

    @asynccontextmanager
    async def _pull(self, reference: str, login: Login | None) -> AsyncIterator[Lines]:
        self.logins.append(login)
        await self._enter("pull", reference)
        if reference not in self._offered:
            raise ImageNotFound(f"manifest for {reference} not found: manifest unknown")
        if self._offered[reference] not in {None, login}:
            raise EngineFailed(f"pull access denied for {repository(reference)}")
        yield _Stream(self._pull_records(reference, self._life))

    async def _pull_records(self, reference: str, life: int) -> AsyncIterator[list[str]]:
        tag = reference.rpartition(":")[2]
        yield [json.dumps({"status": f"Pulling from {repository(reference)}", "id": tag})]
        while "pulling" in self._held and life == self._life:
            await self._pulse.wait()
        if life != self._life:
            raise EngineUnavailable("the Docker engine went away during a pull")
        if self._pull_error:
            text, self._pull_error = self._pull_error, ""
            yield [json.dumps({"errorDetail": {"message": text}, "error": text})]
            return
        self.has_image(reference)
        yield [json.dumps({"status": f"Status: Downloaded newer image for {reference}"})]

    @asynccontextmanager
    async def _logs(self, name_or_id: str, query: Query) -> AsyncIterator[Lines]:
        await self._enter("logs", self._name(name_or_id))
        yield _Stream(self._log_batches(self._find(name_or_id), query, self._life))

    async def _log_batches(
        self, container: Container, query: Query, life: int
    ) -> AsyncIterator[list[str]]:
        seen = len(container.output)
        if backlog := query.backlog(container.output):
            yield backlog
        while query.follow and life == self._life:
            fresh = container.output[seen:]
            seen += len(fresh)
            if lines := query.render(fresh):
                yield lines
            elif container.silent:
                return
            else:
                await self._pulse.wait()


class _Stream:
    """`Lines` over a generator."""

    def __init__(self, batches: AsyncIterator[list[str]]) -> None:
        self._batches = batches

    def __aiter__(self) -> AsyncIterator[list[str]]:
        return self._batches


async def _drain(queue: asyncio.Queue[EngineEvent | None]) -> AsyncIterator[EngineEvent]:
    while (event := await queue.get()) is not None:
        yield event
