"""All of the sandbox in one `with` block: up and down in order, whatever happens between."""

import asyncio
import itertools
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from sandbox import packages
from sandbox.backend import Backend
from sandbox.bucket import Bucket
from sandbox.database import Database, Identity
from sandbox.device import Device
from sandbox.engine import Engine, GivenEngine, OwnEngine
from sandbox.paths import run_folder
from sandbox.processes import SandboxError
from sandbox.program import Program, device_file
from sandbox.registry import Registry
from sandbox.router import Router

Progress = Callable[[str], None]
T = TypeVar("T")

_KEYS: Final = itertools.count(4021)


@dataclass(frozen=True, slots=True)
class Services:
    """What is started once and shared: by a demo, or by all tests of a session.

    `engine` is None where there is none to be had; `no_engine` says why.
    """

    run_dir: Path
    router: Router
    registry: Registry
    engine: OwnEngine | GivenEngine | None
    no_engine: str = ""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Services, a backend on top of them, a bucket, and the devices that were made."""

    services: Services
    backend: Backend
    bucket: Bucket
    """Where executables come from, for devices that are told: -remoteUpdateURL=<bucket.url>."""
    devices: list[Device] = field(default_factory=list)

    @property
    def router(self) -> Router:
        """Where devices connect."""
        return self.services.router

    @property
    def registry(self) -> Registry:
        """Where apps come from."""
        return self.services.registry

    @property
    def engine(self) -> Engine:
        """Where containers run.

        Raises:
            SandboxError: There is none, with the reason.
        """
        if self.services.engine is None:
            raise SandboxError(self.services.no_engine)
        return self.services.engine

    def new_identity(self, **changes: object) -> Identity:
        """Make a device known to the platform and the router; nothing runs yet."""
        identity = new_identity(**changes)
        enroll(identity, self.backend.database, self.router)
        return identity

    def new_device(
        self,
        program: Program,
        *,
        identity: Identity | None = None,
        engine: str | None = None,
        changes: Mapping[str, object] | None = None,
        flags: tuple[str, ...] = ("-update=false",),
    ) -> Device:
        """Flash a device folder; `start` or `serve` it. It is closed with the cloud.

        Args:
            program: What it runs.
            identity: Whose device file it gets; a new one where none is given.
            engine: Its DOCKER_HOST; the sandbox's engine where none is given. An address where
                nothing listens makes a device without an engine.
            changes: Fields of the device file that are to be different.
            flags: More of its command line.
        """
        who = identity or self.new_identity()
        document = device_file(who, endpoint=self.router.url, registry=self.registry.address)
        document |= changes or {}
        folder = self.services.run_dir / "devices" / f"{who.device_key}-{len(self.devices)}"
        device = Device(
            who,
            folder,
            document,
            program,
            engine=engine or self._engine_address(),
            flags=flags,
        )
        self.devices.append(device)
        return device

    async def bring_router_back(self) -> None:
        """Start the router; devices are let in once the backend is there, which serves them all.

        One that were quicker than the backend would be told that nobody takes what it says.
        """
        who = {device.identity.authid: device.identity.secret for device in self.devices}
        for authid in who:
            self.router.dismiss(authid)
        await asyncio.to_thread(self.router.start)
        await self.backend.online()
        for authid, secret in who.items():
            self.router.admit(authid, secret)

    def _engine_address(self) -> str:
        engine = self.services.engine
        return engine.address if engine else f"unix://{self.services.run_dir}/no-engine.sock"


def new_identity(**changes: object) -> Identity:
    """A device nobody has: its key, serial number and secret are its own."""
    made: dict[str, object] = {
        "device_key": next(_KEYS),
        "swarm_key": 17,
        "serial_number": str(uuid.uuid4()),
        "secret": secrets.token_hex(16),
        **changes,
    }
    return Identity(**made)  # type: ignore[arg-type]  # the dataclass refuses unknown names


def enroll(identity: Identity, database: Database, router: Router) -> None:
    """Let the platform know a device, and the router let it in."""
    database.add_device(identity)
    router.admit(identity.authid, identity.secret)


@contextmanager
def services(
    say: Progress, *, engine: str | None = None, install: bool = True, need_engine: bool = False
) -> Iterator[Services]:
    """Router, registry and engine for the length of a `with` block.

    Args:
        say: Hears what happens, a line each.
        engine: The address of an engine that is there already; one of our own where none is given.
        install: Whether missing Debian packages may be installed.
        need_engine: Whether it is an error when no engine can be had.

    Raises:
        SandboxError: A part did not come up.
        PackagesMissing: Something is missing and cannot be installed.
    """
    if install:
        packages.ensure(packages.SERVICES, say)
    opened: OwnEngine | GivenEngine | None = None
    reason = ""
    with run_folder() as run_dir, ExitStack() as stack:
        router, registry = Router(run_dir, say), Registry(run_dir)
        begun = time.monotonic()
        try:
            opened = stack.enter_context(_engine(run_dir, say, engine, install=install))
        except (SandboxError, packages.PackagesMissing) as error:
            if need_engine:
                raise
            reason = str(error)
            say(f"no engine: {reason}")
        stack.callback(registry.close)
        registry.start()
        say(f"registry at {registry.address}")
        stack.callback(router.close)
        router.start()
        say(f"router at {router.url} ({time.monotonic() - begun:.1f} s for all)")
        yield Services(run_dir, router, registry, opened, reason)


@asynccontextmanager
async def cloud_on(shared: Services, buckets: Path | None = None) -> AsyncIterator[Cloud]:
    """A backend and a bucket of its own on shared services; closes its devices.

    Args:
        shared: What it stands on.
        buckets: The folder that its bucket serves; an empty one where none is given.
    """
    folder = shared.run_dir / "backend"
    folder.mkdir(exist_ok=True)
    name = secrets.token_hex(4)
    admit = shared.registry.admit
    with Bucket(buckets or folder / f"{name}-buckets") as bucket:
        async with Backend(shared.router, folder / f"{name}.db", admit=admit) as backend:
            cloud = Cloud(shared, backend, bucket)
            try:
                yield cloud
            finally:
                await asyncio.gather(*(device.close() for device in cloud.devices))


@asynccontextmanager
async def cloud(
    say: Progress, *, engine: str | None = None, install: bool = True, need_engine: bool = False
) -> AsyncIterator[Cloud]:
    """The whole sandbox. Ends all of it on the way out, on Ctrl-C as well.

    The arguments and errors are those of `services`.
    """
    opening = services(say, engine=engine, install=install, need_engine=need_engine)
    entered: list[Services] = []
    try:
        await _finish(lambda: entered.append(opening.__enter__()))
        async with cloud_on(entered[0]) as whole:
            yield whole
    finally:
        if entered:
            await _finish(lambda: opening.__exit__(None, None, None))


@contextmanager
def _engine(
    run_dir: Path, say: Progress, address: str | None, *, install: bool
) -> Iterator[OwnEngine | GivenEngine]:
    begun = time.monotonic()
    if address is None and install:
        packages.ensure(packages.ENGINE, say)
    with closing(OwnEngine(run_dir, say) if address is None else GivenEngine(address)) as opened:
        opened.start()
        say(f"engine at {opened.address} ({time.monotonic() - begun:.1f} s)")
        yield opened


async def _finish(work: Callable[[], T]) -> T:
    """Run `work` in a thread; when we are cancelled, wait for it all the same, then pass that on.

    What was begun in a thread cannot be stopped half-way; leaving it alone would leave processes.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
