"""From a request to its consequences: docs/contract/apps.md 2.3 and 2.4.

What is stored is the only queue: a request that finds the app busy is dropped, and the transition
that is running looks at what is stored when it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol

from reagent import log
from reagent.apps.crashloop import CrashLoop, ordinal
from reagent.apps.machine import Machine, Outcome
from reagent.apps.outlets import ContainerLogs
from reagent.apps.records import Records
from reagent.apps.reports import Reports
from reagent.apps.states import GONE, STORABLE, normalise
from reagent.apps.tasks import Tasks
from reagent.apps.transitions import update_pending
from reagent.contracts.clock import Clock
from reagent.contracts.store import Store
from reagent.errors import BadRequest, ReagentError, RecordNotFound
from reagent.model.app import App, AppKey, Stage, State, WantedApp
from reagent.model.names import container_name

_log = log.get(__name__)

# While an app is updating these end the update, and everything else is dropped.
_ENDS_UPDATE: Final = frozenset({State.PRESENT, State.REMOVED, State.UNINSTALLED})
# What is told on where tunnels are looked at (docs/contract/wamp.md 7.4).
_WENT_WELL: Final = frozenset({Outcome.DONE, Outcome.CANCELED, Outcome.STAYED})


class Live(Protocol):
    """What a container can see change while it runs: files, and ports upstream."""

    async def refresh(self, app: App, wanted: WantedApp) -> None:
        """Credential files and port rules (steps F0 and F1).

        Raises:
            BadRequest: the port rules cannot be read.
        """
        ...


class Requests:
    """Takes requests in and sees them through.

    Args:
        records: the apps.
        store: what is asked for.
        reports: sets states.
        machine: runs transitions.
        live: what running apps see change.
        logs: where notices go.
        clock: paces crashed apps.
        tasks: own the work on requests.
        timers: own what only waits.
        done: called after every transition that did something.
        nudge: called after every transition that did not fail, also after one with nothing to do.
    """

    def __init__(
        self,
        *,
        records: Records,
        store: Store,
        reports: Reports,
        machine: Machine,
        live: Live,
        logs: ContainerLogs,
        clock: Clock,
        tasks: Tasks,
        timers: Tasks,
        done: Callable[[App], None],
        nudge: Callable[[], Awaitable[None]],
    ) -> None:
        self._records = records
        self._store = store
        self._reports = reports
        self._machine = machine
        self._live = live
        self._logs = logs
        self._tasks = tasks
        self._done = done
        self._nudge = nudge
        self._canceling: dict[AppKey, list[asyncio.Event]] = {}
        self._dropped: set[AppKey] = set()
        self._storing: dict[AppKey, asyncio.Lock] = {}
        self.crashes = CrashLoop(clock, timers, self._retry)

    async def request(self, wanted: WantedApp) -> None:
        """Store a request, then work on it in the background.

        A caller who leaves meanwhile, or whose link is lost, does not take it back: half of a
        request must not stay behind.

        Raises:
            BadRequest: a word that cannot be stored; the text names the field.
            StoreFailed: the database refused.
        """
        _check(wanted)
        name = f"take a request for {wanted.stage} {wanted.app_key} in"
        await asyncio.shield(self._tasks.spawn(self._take_in(wanted), name))

    async def _take_in(self, wanted: WantedApp) -> None:
        await self.store(wanted)
        self.drive(await self._completed(wanted))

    async def _completed(self, wanted: WantedApp) -> WantedApp:
        """With the epoch and the instance that were said before, where this request says neither.

        They are what is stored, and what the verification goes by: an app must not be started with
        one login and find another one in its files.
        """
        try:
            row = await self._store.wanted(wanted.id)
        except ReagentError:
            return wanted
        return replace(
            wanted,
            app_cred_epoch=wanted.app_cred_epoch or row.app_cred_epoch,
            instance_key=wanted.instance_key or row.instance_key,
        )

    async def store(self, wanted: WantedApp) -> None:
        """Step A: what is asked for is what counts from now on.

        Raises:
            BadRequest: a word that cannot be stored; the text names the field.
            StoreFailed: the database refused.
        """
        _check(wanted)
        async with self._stored(wanted.id):
            await self._store_alone(wanted)

    def _stored(self, key: AppKey) -> asyncio.Lock:
        """Whoever holds it sees the app's target and its stored row say the same."""
        return self._storing.setdefault(key, asyncio.Lock())

    async def _store_alone(self, wanted: WantedApp) -> None:
        target = _state(wanted.target)
        stored = normalise(target) if target is not None else None
        app = await self._records.get(wanted.id)
        if app is None:
            current = _state(wanted.current) or State.REMOVED
            app = self._records.add(wanted, current, stored or current)
            await self._store.save_app(app)
        elif app.state == State.BUILT and app.target != State.BUILT and stored not in GONE:
            _log.info("the app is about to be present", app=app.app_name, asked=wanted.target)
            return
        elif app.state in GONE:
            # Its rows went with its removal; a row without its app would be lost at a restart.
            await self._store.save_app(app)
        app.app_name = wanted.app_name
        app.target = stored or app.target
        await self._store.save_wanted(replace(wanted, target=stored or wanted.target))

    def drive(self, wanted: WantedApp) -> None:
        """Steps B to J, in the background."""
        self._tasks.spawn(self._drive(wanted), f"bring {wanted.stage} {wanted.app_key} forward")

    async def _drive(self, wanted: WantedApp) -> None:
        try:
            await self._follow(wanted)
        except ReagentError as error:
            _log.error("request ended", app=wanted.app_name, asked=wanted.target, error=error)

    async def _follow(self, wanted: WantedApp) -> None:
        app = await self._records.get(wanted.id)
        if app is None:
            raise RecordNotFound(f"no app {wanted.app_key} ({wanted.stage}) is known")
        if not wanted.retrying:
            self.crashes.forget(app.id)
        if wanted.cancel_transition:
            await self._cancel(app, wanted)
            return
        if app.state == State.UPDATING:
            if wanted.target in _ENDS_UPDATE:
                await self._cancel(app, wanted)
            return
        await self._live.refresh(app, wanted)
        if app.lock.locked():
            _log.info("the app is busy, what is stored waits", app=app.app_name)
            if not wanted.retrying:
                self._dropped.add(app.id)
            return
        async with app.lock:
            self._dropped.discard(app.id)
            outcome = await self._machine.transition(app, wanted)
        await self._conclude(app, wanted, outcome)

    async def _cancel(self, app: App, wanted: WantedApp) -> None:
        """Steps D and E: beside the transition, which waits for us before it looks around."""
        if app.lock.locked():
            # Should the work not end as canceled, it must look at what is wanted now.
            self._dropped.add(app.id)
        ended = asyncio.Event()
        running = self._canceling.setdefault(app.id, [])
        running.append(ended)
        try:
            await self._machine.beside(app, wanted)
        finally:
            ended.set()
            running.remove(ended)

    async def _conclude(self, app: App, wanted: WantedApp, outcome: Outcome) -> None:
        if outcome == Outcome.CANCELED:
            for ended in list(self._canceling.get(app.id, ())):
                await ended.wait()
            await self._verify(app, wanted)
        elif outcome == Outcome.DONE:
            self._done(app)
            await self._verify(app, wanted)
        elif outcome == Outcome.POSTPONED:
            if wanted.stage == Stage.PROD:
                self.crashes.enter(wanted)
        elif outcome == Outcome.FAILED:
            await self._fail(app, wanted)
        elif app.id in self._dropped:
            # Nothing was done, so nothing looks at what came meanwhile unless we do.
            await self.drive_stored(app)
        if outcome in _WENT_WELL:
            await self._nudge()

    async def _verify(self, app: App, wanted: WantedApp) -> None:
        """Go on with what was asked for meanwhile."""
        try:
            async with self._stored(app.id):
                row = await self._store.wanted(app.id)
        except RecordNotFound:
            # The normal end of a removal. But a download whose cancellation came a moment too late
            # must not leave a running app that nobody wants.
            arrived = {app.state, app.target} <= GONE or app.state in {app.target, State.FAILED}
            if not arrived:
                self.drive(replace(wanted, target=app.target, cancel_transition=False))
            return
        if app.state == State.FAILED:
            return
        if app.state != app.target or update_pending(row):
            self.drive(row)
            return
        await self._live.refresh(app, row)
        if app.state == State.BUILT and app.target == State.BUILT:
            await self._reports.set(app, State.PRESENT)

    async def _fail(self, app: App, wanted: WantedApp) -> None:
        try:
            await self._reports.set(app, State.FAILED)
        except ReagentError as error:
            _log.error("a failure was not reported", app=app.app_name, error=error)
        asked = _state(wanted.target)
        if app.id in self._dropped and asked is not None and normalise(asked) != app.target:
            # Somebody asked for something else while this failed, and found the app busy.
            try:
                self.drive(await self._store.wanted(app.id))
            except RecordNotFound:
                self.drive(replace(wanted, target=app.target, retrying=False))
        elif app.stage == Stage.PROD:
            await self.crashed(app, wanted)

    async def crashed(self, app: App, wanted: WantedApp) -> None:
        """A release died: start it again, later and later."""
        retry = self.crashes.enter(wanted)
        _log.warning(
            "crash loop", app=app.app_name, attempt=retry.attempt, seconds=round(retry.seconds)
        )
        await self._logs.notice(
            container_name(app.stage, app.app_key, app.app_name),
            f"{app.app_name} crashed for the {ordinal(retry.attempt)} time,"
            f" it starts again in {retry.seconds:.0f} seconds",
        )

    async def drive_stored(self, app: App) -> None:
        """Request what is stored for the app, if anything is."""
        try:
            self.drive(await self._store.wanted(app.id))
        except RecordNotFound:
            _log.info("nothing is stored for the app", app=app.app_name)

    def _retry(self, wanted: WantedApp) -> None:
        """The time of a crashed app has come."""
        self._tasks.spawn(self._start_again(wanted), f"retry {wanted.stage} {wanted.app_key}")

    async def _start_again(self, first: WantedApp) -> None:
        app = await self._records.get(first.id)
        if app is None:
            return
        try:
            # What is stored is newer than, or equal to, what crashed first.
            wanted = replace(await self._store.wanted(first.id), retrying=True)
        except RecordNotFound:
            wanted = replace(first, target=app.target)
        if app.state == wanted.target:
            self.crashes.forget(first.id)
        else:
            await self._drive(wanted)


def _check(wanted: WantedApp) -> None:
    """The value sets of the database, said in words that a caller understands."""
    for token, value, allowed in (
        ("stage", wanted.stage, frozenset(Stage)),
        ("requestedState", wanted.target, STORABLE),
        ("currentState", wanted.current, STORABLE),
    ):
        if value not in allowed:
            raise BadRequest(f"failed to parse {token}: {value!r} cannot be stored")


def _state(word: str) -> State | None:
    return State(word) if word in State.__members__ else None
