"""Boot, connect, reconnect, stop: what happens in which order (docs/contract/wamp.md 6).

Each phase of `ON_CONNECT` is a function with a name. A phase that fails is logged and the next one
runs: a device that was moved, or whose backend is half up, still has to become reachable. Only the
last report is repeated until it is taken; nothing here ever ends the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from reagent import log
from reagent.aio.backoff import full_jitter
from reagent.api.dispatch import Dispatcher
from reagent.contracts.backend import Backend, Metadata
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine
from reagent.contracts.messenger import Messenger
from reagent.device.milestones import Milestones, Moment
from reagent.device.status import StatusReport
from reagent.errors import ReagentError, Unavailable
from reagent.model.app import WantedApp
from reagent.model.device import Status

_log = log.get("reagent.lifecycle")

# The engine of a booting device may need its time; a socket that is not there costs nothing to try.
ENGINE_POLL_S: Final = 0.1
ENGINE_PATIENCE_S: Final = 5.0
ENGINE_RETRY_S: Final = 2.0


class Apps(Protocol):
    """What the life cycle asks of the apps."""

    async def boot(self) -> None:
        """Align the stored states with the engine, watch, start what should run; no reports."""
        ...

    def fetching(self) -> None:
        """The platform is asked for its list now."""
        ...

    async def sync(self, rows: Sequence[WantedApp]) -> None:
        """Take over what the platform wants, sweep what nobody wants, report every app."""
        ...

    async def resume(self) -> None:
        """Align and report without a list from the platform."""
        ...

    def ensure_remote(self) -> None:
        """Drive every stored app to its target, in the background."""
        ...

    def containers(self) -> Sequence[str]:
        """Container names of the known apps."""
        ...


class AppLogs(Protocol):
    """What the life cycle asks of the logs."""

    async def revive(self, containers: Sequence[str]) -> None:
        """Attach to what runs, and ask who listens."""
        ...

    async def subscribe_meta(self) -> None:
        """Learn of listeners that come and go, on the current session."""
        ...


class Identities(Protocol):
    """Keeps the device file."""

    def refresh(self, metadata: Metadata) -> bool:
        """Take over what the platform says; True when the device belongs to another project now."""
        ...


class Proof(Protocol):
    """Takes note of what was reached, for the turn of versions."""

    def joined(self) -> None:
        """A session began."""
        ...

    def registered(self, session: int) -> None:
        """Every procedure can be called in this session."""
        ...


class NoProof:
    """Takes no note."""

    def joined(self) -> None:
        """See the protocol."""

    def registered(self, session: int) -> None:
        """See the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the sequence talks to."""

    messenger: Messenger
    backend: Backend
    dispatcher: Dispatcher
    identities: Identities
    apps: Apps
    logs: AppLogs
    status: StatusReport
    clock: Clock
    milestones: Milestones
    learn_credential_key: Callable[[str], None]
    request_reconnect: Callable[[], None]
    say: Callable[[str], None]
    proof: Proof = field(default_factory=NoProof)


class ProjectChanged(ReagentError):
    """The device was moved to another project: this session has the wrong name."""

    slug = "project-changed"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of a sequence, by name."""

    name: str
    step: Callable[[OnConnect], Awaitable[None]]


class OnConnect:
    """The sequence that follows every join."""

    def __init__(self, parts: Parts, booted: asyncio.Event) -> None:
        self._parts = parts
        self._booted = booted

    async def run(self, reconnect: bool) -> None:  # noqa: FBT001 - the link's callback
        """Go through the phases; cancelled when the session ends."""
        self._reach(Moment.JOINED)
        self._parts.proof.joined()
        _log.info("connected", reconnect=reconnect, session=self._parts.messenger.session_id)
        try:
            for phase in BEFORE_APPS:
                await self._attempt(phase)
        except ProjectChanged:
            _log.info("the device belongs to another project now, connecting anew")
            self._parts.request_reconnect()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._attempt(LOGS), name=LOGS.name)
            for phase in APPS:
                await self._attempt(phase)
        self._reach(Moment.SEQUENCE_DONE)
        await self._report_connected()

    async def _attempt(self, phase: Phase) -> None:
        try:
            await phase.step(self)
        except ProjectChanged:
            raise
        except ReagentError as error:
            _log.warning("phase failed", phase=phase.name, error=error, slug=error.slug)
        except Exception:  # noqa: BLE001 - one broken phase must not keep the device unreachable
            _log.exception("phase broke", phase=phase.name)

    async def refresh_identity(self) -> None:
        """Learn name, owner and project."""
        metadata = await self._parts.backend.read_metadata()
        if self._parts.identities.refresh(metadata):
            raise ProjectChanged("the device belongs to another project now")

    async def fetch_credential_key(self) -> None:
        """Learn the key that the apps' own logins are made from."""
        self._parts.learn_credential_key(await self._parts.backend.app_credential_key())

    async def report_configuring(self) -> None:
        """Say that we are here and not ready."""
        await self._parts.status.send(Status.CONFIGURING)

    async def register_procedures(self) -> None:
        """Become callable."""
        await self._parts.dispatcher.register(self._parts.messenger)
        self._parts.proof.registered(self._parts.messenger.session_id)

    async def report_architecture(self) -> None:
        """Say what machine and which version this is."""
        await self._parts.backend.report_architecture()

    async def revive_logs(self) -> None:
        """Attach to running apps; the subscriptions are made whatever became of that.

        Which apps there are is known after the boot. An engine that is late keeps nobody from
        hearing the agent's own messages.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(ENGINE_PATIENCE_S):
                await self._booted.wait()
        late = not self._booted.is_set()
        try:
            await self._parts.logs.revive(self._parts.apps.containers())
        finally:
            await self._parts.logs.subscribe_meta()
        if late:
            await self._booted.wait()
            await self._parts.logs.revive(self._parts.apps.containers())

    async def wait_for_engine(self) -> None:
        """Until the engine answered once and the stored states were aligned; heartbeats go on."""
        await self._booted.wait()

    async def sync_apps(self) -> None:
        """Fetch what the platform wants. Without an answer nothing is removed or changed."""
        self._parts.apps.fetching()
        try:
            rows = await self._parts.backend.requested_apps()
        except Unavailable as error:
            _log.warning("wanted states not fetched", error=error, slug=error.slug)
            await self._parts.apps.resume()
        else:
            await self._parts.apps.sync(rows)

    async def ensure_apps(self) -> None:
        """Drive the apps, not waited for."""
        self._parts.apps.ensure_remote()

    async def _report_connected(self) -> None:
        attempt = 0
        while True:
            try:
                await self._parts.status.send(Status.CONNECTED)
            except Unavailable as error:
                if not self._parts.messenger.connected:
                    return  # the next session goes through all of it again
                _log.warning("ready, and the platform does not take it", error=error)
                await self._parts.clock.sleep(full_jitter(attempt, self._parts.clock.random()))
                attempt += 1
            else:
                break
        _log.info("the device is connected")
        self._reach(Moment.GREEN)

    def _reach(self, moment: Moment) -> None:
        milestones = self._parts.milestones
        if milestones.reach(moment, self._parts.clock.monotonic()):
            figures = milestones.figures()
            for name, figure in figures:
                self._parts.say(f"{name}: {figure}")
            _log.info("how long the start took", figures=dict(figures))


BEFORE_APPS: Final = (
    Phase("refresh who we are", OnConnect.refresh_identity),
    Phase("fetch the credential key", OnConnect.fetch_credential_key),
    Phase("report configuring", OnConnect.report_configuring),
    Phase("register procedures", OnConnect.register_procedures),
    Phase("report the architecture", OnConnect.report_architecture),
)
LOGS: Final = Phase("revive logs", OnConnect.revive_logs)
APPS: Final = (
    Phase("wait for the engine", OnConnect.wait_for_engine),
    Phase("sync apps", OnConnect.sync_apps),
    Phase("ensure apps", OnConnect.ensure_apps),
)


async def boot_apps(
    engine: Engine, apps: Apps, clock: Clock, booted: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Start what should run as soon as the engine answers, connected or not; then set `booted`.

    An engine that is not there within 5 s is said once, and waited for without limit.
    """
    since = clock.monotonic()
    said = False
    while True:
        try:
            await engine.ping()
            await apps.boot()
        except Unavailable as error:
            late = clock.monotonic() - since >= ENGINE_PATIENCE_S
            if late and not said:
                said = True
                say(f"the Docker engine does not answer, apps have to wait: {error}")
                _log.warning("the engine does not answer", error=error, slug=error.slug)
            await clock.sleep(ENGINE_RETRY_S if late else ENGINE_POLL_S)
        except ReagentError as error:
            _log.error("apps not aligned at boot", error=error, slug=error.slug)
            break
        except Exception as error:  # noqa: BLE001 - one odd container keeps no device from the cloud
            _log.exception("apps not aligned at boot", error=error)
            break
        else:
            break
    if said:
        say("the Docker engine answers")
        _log.info("the engine answers")
    booted.set()
