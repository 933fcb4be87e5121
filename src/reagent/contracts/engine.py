"""The Docker engine, as far as the agent asks anything of it.

Deadlines: every method without its own bound ends within 30 s (docs/contract/apps.md 2.10).
All of them raise `EngineUnavailable` when the engine does not answer, `EngineFailed` with its own
text when it refuses, besides what they name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from reagent.model.app import Login


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount, read-write."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class PortBinding:
    """`port`/`protocol` of the container, published on all addresses of the host at `host_port`."""

    port: int
    protocol: str
    host_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """Everything a container is created with (docs/contract/apps.md 3.1)."""

    name: str
    image: str
    environment: Sequence[str] = field(default=(), repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    bindings: Sequence[PortBinding] = ()
    devices: Sequence[str] = ("/dev",)
    privileged: bool = True
    cap_add: Sequence[str] = ("ALL",)
    network_mode: str = "bridge"
    extra_hosts: Sequence[str] = ("host.docker.internal:host-gateway",)
    tty: bool = True
    interactive: bool = False
    runtime: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSeen:
    """What inspecting a container says.

    Attributes:
        name: without the leading slash.
        status: the engine's word: `running`, `created`, `exited`, ...
        error: what the engine recorded when starting failed.
        bindings: creation-time port bindings.
    """

    id: str
    name: str
    status: str
    exit_code: int = 0
    error: str = ""
    network_mode: str = ""
    tty: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    bindings: Sequence[PortBinding] = ()


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """One container event: the action (`create`, `start`, `die`, ...) and whom it is about."""

    action: str
    container: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was thrown away.

    Attributes:
        images: the engine's records: `untagged: <name>`, `deleted: <digest>`.
        size: bytes of disk that came free.
    """

    containers: Sequence[str] = ()
    networks: Sequence[str] = ()
    volumes: Sequence[str] = ()
    images: Sequence[str] = ()
    cache: Sequence[str] = ()
    size: int = 0


class Engine(Protocol):
    """A Docker engine."""

    async def ping(self) -> None:
        """Raise `EngineUnavailable` unless the engine answers within 2 s."""
        ...

    async def data_root(self) -> str:
        """Where the engine keeps its data, 10 s."""
        ...

    async def inspect(self, name_or_id: str) -> ContainerSeen:
        """Look a container up by its exact name or id.

        Raises:
            ContainerNotFound: there is none of exactly that name.
        """
        ...

    async def create(self, spec: ContainerSpec) -> str:
        """Create a container; returns its id.

        Raises:
            ImageNotFound: the image is not on this device.
        """
        ...

    async def start(self, name_or_id: str) -> None:
        """Start it; running already is fine.

        Raises:
            ContainerNotFound: it is gone.
        """
        ...

    async def stop(self, name_or_id: str, grace: int) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; stopped already is fine.

        Raises:
            ContainerNotFound: it is gone.
        """
        ...

    async def remove(self, name_or_id: str) -> None:
        """Force-remove and wait until it is gone; gone or being removed already is fine."""
        ...

    async def list_containers(self) -> Sequence[Mapping[str, object]]:
        """All containers, running or not, as the engine's API summarises them."""
        ...

    async def list_images(self, within: float = 30.0) -> Sequence[Mapping[str, object]]:
        """The engine's image list, intermediate ones left out, as its API gives it."""
        ...

    async def image_exists(self, reference: str) -> bool:
        """Whether exactly this reference is on the device."""
        ...

    async def remove_images(self, repository: str) -> None:
        """Remove every tag of a repository, forced; none is fine."""
        ...

    async def remove_image(self, reference: str) -> None:
        """Remove one reference, forced, and the image with its last one; none is fine."""
        ...

    async def prune_dangling(self) -> None:
        """Throw away images that have no name and no container, 10 min."""
        ...

    async def prune_unused(self) -> Pruned:
        """Throw away all that no running container uses, 10 min for each kind.

        Stopped containers, their networks and images, the build cache, and volumes: those without a
        name of their own; engines before API 1.42 know no difference and throw away all.
        What was thrown away before one kind failed stays away.
        """
        ...

    def pull(self, reference: str, login: Login | None) -> AbstractAsyncContextManager[Lines]:
        """Pull an image. Lines are the engine's raw JSON records.

        Leaving the context, or cancelling, ends the pull. An error record inside the stream is for
        the reader to find (docs/contract/streams.md 1.6).
        """
        ...

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

        Raises:
            ContainerNotFound: there is no such container.
        """
        ...

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[EngineEvent]]:
        """Container events from now on; ends when the engine goes away."""
        ...

    async def close(self) -> None:
        """End every stream and the connections."""
        ...


class Lines(Protocol):
    """A stream of lines, handed over in batches so that a busy container costs little.

    A line ends at a newline; one trailing carriage return is dropped; empty lines count; the last
    one may lack its newline. Lines over 1 MiB are cut there and go on as the next line. Bytes that
    are not UTF-8 become U+FFFD.
    """

    def __aiter__(self) -> AsyncIterator[list[str]]:
        """Batches of at least one line, as they come."""
        ...
