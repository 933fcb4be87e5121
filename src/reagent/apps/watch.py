"""Notice within a second what happens to containers (docs/contract/apps.md 6.2, 6.3).

The reference looks at every container every second. Here the engine's events say when there is
something to see, and one look at all containers every ten seconds stands behind them; while events
do not flow, and while an app was busy when something happened to it, that look comes every second.

The engine tells of a death before its list knows: what an event is about is inspected, which waits
until the engine has made up its mind, and looked at once more a second later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from reagent import log
from reagent.apps.observed import PROJECT_LABEL, Found, found, observed
from reagent.apps.records import Records
from reagent.apps.states import TRANSIENT
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine
from reagent.errors import BadRequest, ContainerNotFound, ReagentError
from reagent.model.app import App, AppKey, State
from reagent.model.names import parse_container_name

_log = log.get(__name__)

_TICK_S: Final = 1.0
_QUIET_TICKS: Final = 10
_RETRY_S: Final = 5.0
# One look for everything that happens in one moment.
_BURST_S: Final = 0.1
# What can change a status; programs that are run inside, and health, cannot.
_TELLING: Final = frozenset({"create", "start", "die", "destroy", "pause", "unpause"})
Change = Callable[[App, State, Found], Awaitable[None]]


class Watch:
    """Watches containers of apps.

    Args:
        engine: lists containers and tells events.
        records: the apps.
        clock: paces the looks.
        change: called when a container says something else than its app; not while the app is in
            transition, and neither state is a transient one.
        runs: called with a container that runs after something happened to it, unless its app is
            in transition.
        back: called when the engine is back after it was away.
    """

    def __init__(
        self,
        engine: Engine,
        records: Records,
        clock: Clock,
        *,
        change: Change,
        runs: Callable[[str], Awaitable[None]],
        back: Callable[[], Awaitable[None]],
    ) -> None:
        self._back = back
        self._engine = engine
        self._records = records
        self._clock = clock
        self._change = change
        self._runs = runs
        self._watched: dict[str, tuple[AppKey, str]] = {}
        self._dirty: set[str] = set()
        self._told: set[str] = set()
        self._something = asyncio.Event()
        self._events_flow = False

    def add(self, container: str, app: AppKey) -> None:
        """Watch a container as if nobody had looked at it yet: it may be another of that name."""
        self._watched[container] = (app, "")
        self._mark(container)

    def __contains__(self, container: str) -> bool:
        return container in self._watched

    def stop(self, container: str) -> None:
        """Watch it no more."""
        self._watched.pop(container, None)
        self._dirty.discard(container)
        self._told.discard(container)

    async def run_events(self) -> None:
        """Follow the engine's events, for ever."""
        away = False
        while True:
            try:
                async with self._engine.events() as events:
                    self._events_flow = True
                    if away:
                        await self._back()
                    # What happened before is found by a look.
                    self._mark(*self._watched)
                    async for event in events:
                        if event.action in {"create", "start"}:
                            self._discover(event.container, event.labels.get(PROJECT_LABEL, ""))
                        if event.action in _TELLING and event.container in self._watched:
                            self._told.add(event.container)
                            self._something.set()
            except ReagentError as error:
                _log.debug("no events of the engine", error=error)
            finally:
                self._events_flow = False
                self._mark(*self._watched)
            away = True
            await self._clock.sleep(_RETRY_S)

    async def run_looks(self) -> None:
        """Look whenever there is a reason to, for ever."""
        quiet = 0
        while True:
            if not self._watched:
                self._something.clear()
                await self._something.wait()
            quiet += 1
            if self._told:
                await self._look_at_told()
            elif self._dirty or not self._events_flow or quiet >= _QUIET_TICKS:
                quiet = 0
                await self._look()
            if not self._told:
                self._something.clear()
            await self._tick()

    async def _tick(self) -> None:
        """A second, or a moment when an event comes."""
        sleeping = asyncio.create_task(self._clock.sleep(_TICK_S), name="look at containers, tick")
        waiting = asyncio.create_task(self._something.wait(), name="look at containers, event")
        try:
            await asyncio.wait((sleeping, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waiting.cancel()
        if self._something.is_set():
            await self._clock.sleep(_BURST_S)

    def _mark(self, *containers: str) -> None:
        known = [name for name in containers if name in self._watched]
        self._dirty.update(known)
        if known:
            self._something.set()

    def _discover(self, container: str, project: str) -> None:
        """A container was made: watch it if it is one of ours."""
        app = ours(container)
        if app is not None and not project:
            # What was seen of one with the same name says nothing about this one.
            self._watched[container] = (app, "")

    async def _look_at_told(self) -> None:
        """What events were about, one by one."""
        told, self._told = self._told, set()
        for container in told:
            try:
                seen = await self._engine.inspect(container)
                now = Found(container, seen.status, seen.exit_code, "")
            except ContainerNotFound:
                now = None
            except ReagentError as error:
                _log.debug("a container was not inspected", container=container, error=error)
                self._mark(container)
                continue
            await self._evaluate(container, now)
            self._mark(container)
            if now is not None and now.status == "running" and self._is_at_rest(container):
                await self._runs(container)

    def _is_at_rest(self, container: str) -> bool:
        """Whether it is watched, and no transition of its app is under way."""
        if (watched := self._watched.get(container)) is None:
            return False
        app = self._records.known(watched[0])
        return app is not None and not app.lock.locked()

    async def _look(self) -> None:
        try:
            seen = found(await self._engine.list_containers())
        except ReagentError as error:
            _log.debug("containers not listed", error=error)
            return
        for container in list(self._watched):
            await self._evaluate(container, seen.get(container))

    async def _evaluate(self, container: str, seen: Found | None) -> None:
        key, before = self._watched.get(container, (None, ""))
        if key is None:
            return
        self._dirty.discard(container)
        app = self._records.known(key) or await self._records.get(key)
        if seen is None or app is None:
            self.stop(container)
            return
        if seen.status == before:
            return
        if app.lock.locked():
            # Looked at again in a second, until the transition is over.
            self._dirty.add(container)
            return
        self._watched[container] = (key, seen.status)
        state = observed(seen.status)
        if state is None or state == app.state or {state, app.state} & TRANSIENT:
            return
        try:
            await self._change(app, state, seen)
        except ReagentError as error:
            _log.error("a change was not dealt with", container=container, error=error)


def ours(container: str) -> AppKey | None:
    """The app a container name stands for; None for names that are not the agent's."""
    try:
        ref = parse_container_name(container)
    except BadRequest:
        return None
    named_by_agent = container.startswith(("dev_", "prod_"))
    return AppKey(ref.app_key, ref.stage) if named_by_agent and ref.app_name else None
