"""All apps of this device, as the rest of the agent sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from reagent import log
from reagent.apps.actions.workshop import Workshop
from reagent.apps.folders import Folders
from reagent.apps.hostports import HostPorts
from reagent.apps.learnt import Learnt
from reagent.apps.live import LiveFiles
from reagent.apps.machine import Machine
from reagent.apps.observed import Found
from reagent.apps.outlets import ContainerLogs
from reagent.apps.reconcile import Reconcile
from reagent.apps.records import Records
from reagent.apps.reports import Reports
from reagent.apps.requests import Requests
from reagent.apps.streams import Streams
from reagent.apps.sweep import Sweep
from reagent.apps.tasks import Tasks
from reagent.apps.watch import Watch
from reagent.contracts.backend import Backend
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine
from reagent.contracts.host import Host
from reagent.contracts.store import Store
from reagent.errors import ReagentError, RecordNotFound
from reagent.model.app import App, AppKey, Stage, State, WantedApp
from reagent.model.device import Identity

_log = log.get(__name__)

_CLOSE_S: Final = 5.0


class Apps:
    """The facade: requests come in, passes over all apps run, everything ends with `close`.

    Args:
        engine: where the apps run.
        store: what survives a restart.
        backend: who is told.
        clock: time and chance.
        host: the machine.
        logs: where notices and output of apps go.
        identity: the device, asked anew each time.
        arch: build architecture with its variant; part of every image's name.
        folders: where apps keep their files.
        learnt: what the platform told us; whoever learns it writes it there.
        emergency: whether the disk is full right now.
        connected: whether the platform can be asked right now.
        nudge: says that tunnels may have changed.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        backend: Backend,
        clock: Clock,
        host: Host,
        logs: ContainerLogs,
        identity: Callable[[], Identity],
        arch: str,
        folders: Folders,
        learnt: Learnt,
        emergency: Callable[[], bool],
        connected: Callable[[], bool],
        nudge: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._logs = logs
        self._tasks = Tasks()
        self._background = Tasks()
        self._records = Records(store)
        self._reports = Reports(store, backend)
        self._shop = Workshop(
            engine=engine,
            clock=clock,
            host=host,
            logs=logs,
            states=self._reports,
            streams=Streams(),
            host_ports=HostPorts(host.port_free),
            folders=folders,
            learnt=learnt,
            identity=identity,
            arch=arch,
        )
        self._watch = Watch(
            engine,
            self._records,
            clock,
            change=self._changed,
            runs=logs.resume,
            back=self._engine_is_back,
        )
        self._requests = Requests(
            records=self._records,
            store=store,
            reports=self._reports,
            machine=Machine(self._shop, store, backend, emergency=emergency, connected=connected),
            live=LiveFiles(self._shop, backend),
            logs=logs,
            clock=clock,
            tasks=self._tasks,
            timers=self._background,
            done=self._keep_an_eye_on,
            nudge=nudge,
        )
        self._sweep = Sweep(self._shop, store, self._records, self._requests.crashes)
        self._reconcile = Reconcile(
            shop=self._shop,
            store=store,
            records=self._records,
            reports=self._reports,
            requests=self._requests,
            watch=self._watch,
        )
        self._watching = False
        self._asked_meanwhile: set[AppKey] = set()

    async def request(self, wanted: WantedApp) -> None:
        """Take a request in; the work on it goes on in the background.

        Raises:
            BadRequest: a word that cannot be stored; the text names the field.
            StoreFailed: the database refused.
        """
        self._asked_meanwhile.add(wanted.id)
        await self._requests.request(wanted)

    async def boot(self) -> None:
        """Align with the engine, watch, and start what should run; nobody is told.

        May be called again when it failed.

        Raises:
            EngineUnavailable: the engine does not answer; call again when it does.
            EngineFailed: it answers nonsense.
            StoreFailed: the database refused.
        """
        await self._records.load()
        await self._reconcile.correct_here()
        self._start_watching()
        await self._reconcile.observe()
        await self._attempt("sweep containers", self._sweep.containers)
        await self._reconcile.ensure_here()

    def fetching(self) -> None:
        """The platform is asked now: what is requested from here on is newer than its answer."""
        self._asked_meanwhile.clear()

    async def sync(self, rows: Sequence[WantedApp]) -> None:
        """Take over what the platform wants, sweep what nobody wants, report every app.

        A step that fails is logged, and the next one is taken (docs/contract/apps.md 6.9).

        A row that names no app says that one of ours is wanted and not which: then none is removed.
        What was requested since `fetching` counts, whatever the rows say of that app.

        Args:
            rows: a genuine answer: an empty one removes every app.
        """
        named = [row for row in rows if row.app_key and row.app_name and row.stage]
        listed = {row.id for row in rows}

        def wanted(app: AppKey) -> bool:
            return app in listed or app in self._asked_meanwhile

        async def forget() -> None:
            if len(named) == len(rows):
                await self._sweep.apps(wanted)
            else:
                _log.warning(
                    "rows that name no app, so none is removed", rows=len(rows) - len(named)
                )

        await self._attempt("sweep apps", forget)
        for row in named:
            if row.stage == Stage.PROD and row.id not in self._asked_meanwhile:
                # By itself: an odd row must not keep a device from the rows behind it.
                await self._attempt(f"take over {row.app_name}", partial(self._requests.store, row))
        await self._attempt("sweep containers", self._sweep.containers)
        await self.resume()

    async def resume(self) -> None:
        """Align and report, without an answer from the platform."""
        await self._attempt("report states", self._reconcile.correct_and_report)
        self._start_watching()
        await self._attempt("observe", self._reconcile.observe)

    def ensure_remote(self) -> None:
        """Drive every release to its stored target, in the background."""
        self._tasks.spawn(self._reconcile.ensure_everywhere(), "ensure apps")

    async def ensure_local(self) -> None:
        """Drive what can be driven without the platform: after a full disk has room again.

        Raises:
            StoreFailed: the database refused.
        """
        await self._reconcile.ensure_here()

    async def upload_failed(self, container: str) -> None:
        """An upload broke: the app it was for is not there (docs/contract/apps.md 5.6)."""
        app = self._records.by_container(container)
        if app is not None and app.state == State.TRANSFERING:
            await self._reports.set(app, State.REMOVED)

    def all(self) -> list[App]:
        """Every app in memory: after `boot` or `sync` all that are stored."""
        return self._records.all()

    def get(self, app: AppKey) -> App | None:
        """One app in memory."""
        return self._records.known(app)

    def containers(self) -> list[str]:
        """Container names of the apps in memory."""
        return [self._shop.names(app).container for app in self._records.all()]

    @property
    def busy(self) -> bool:
        """Whether a transition is under way."""
        return any(app.lock.locked() for app in self._records.all())

    async def settled(self) -> None:
        """Wait until no request is being worked on; watching and crashed apps do not count."""
        await self._tasks.settled()

    async def close(self) -> None:
        """End everything, at most 5 s; what was cut is aligned by the next boot."""
        await self._background.close(_CLOSE_S / 2)
        await self._tasks.close(_CLOSE_S / 2)

    def _start_watching(self) -> None:
        """Begin with the first app: a device without apps needs no thread that waits for events."""
        if not self._watching and self._records.all():
            self._watching = True
            self._background.spawn(self._watch.run_events(), "follow the engine's events")
            self._background.spawn(self._watch.run_looks(), "look at containers")

    def _keep_an_eye_on(self, app: App) -> None:
        self._start_watching()
        if app.state == State.RUNNING:
            self._watch.add(self._shop.names(app).container, app.id)

    async def _changed(self, app: App, state: State, seen: Found) -> None:
        """A container says something else than its app (docs/contract/apps.md 6.3)."""
        crashed = app.stage == Stage.PROD and state == State.FAILED
        if crashed:
            # Before anything that waits: a start that follows at once has to be discovered.
            self._watch.stop(seen.name)
        try:
            await self._reports.set(app, state)
        except ReagentError as error:
            _log.error("an observed state was not reported", app=app.app_name, error=error)
        if state == State.FAILED:
            code = "" if seen.exit_code is None else f" with exit code {seen.exit_code}"
            await self._logs.notice(seen.name, f"{app.app_name} ({app.stage}) exited{code}")
        if app.stage != Stage.PROD:
            return
        if crashed:
            try:
                wanted = await self._store.wanted(app.id)
            except RecordNotFound:
                return
            await self._requests.crashed(app, wanted)
        else:
            await self._requests.drive_stored(app)

    async def _engine_is_back(self) -> None:
        """Apps that failed because there was no engine need not wait out their crash loop."""
        await self._logs.revive(self.containers())
        for app in self._records.all():
            if app.id in self._requests.crashes:
                await self._requests.drive_stored(app)

    async def _attempt(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except ReagentError as error:
            _log.warning("step failed", step=name, error=error)
