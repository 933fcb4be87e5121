"""Stored states and the engine brought to agree, and apps to their targets (apps.md 6.6-6.8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reagent import log
from reagent.apps.actions.workshop import Workshop
from reagent.apps.observed import Found, found, project_state
from reagent.apps.records import Records
from reagent.apps.reports import Reports
from reagent.apps.requests import Requests
from reagent.apps.resume import (
    UNWATCHED,
    corrected,
    corrected_project,
    driven_on_connect,
    has_image,
    impossible_offline,
    missing_services,
)
from reagent.apps.watch import Watch
from reagent.contracts.store import Store
from reagent.errors import ReagentError
from reagent.model.app import App, State, WantedApp

_log = log.get(__name__)

# So that a device with many apps neither starts nor reports them all in one moment.
_STAGGER_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Engine:
    """What the engine has, looked at once."""

    containers: Mapping[str, Found]
    images: Sequence[Mapping[str, object]]

    def project(self, name: str) -> State | None:
        """What the containers of a project say together; None when there are none."""
        mine = [each for each in self.containers.values() if each.project == name]
        return project_state(mine) if mine else None


class Reconcile:
    """The passes over all apps."""

    def __init__(
        self,
        *,
        shop: Workshop,
        store: Store,
        records: Records,
        reports: Reports,
        requests: Requests,
        watch: Watch,
    ) -> None:
        self._shop = shop
        self._store = store
        self._records = records
        self._reports = reports
        self._requests = requests
        self._watch = watch

    async def correct_here(self) -> None:
        """Align the stored states with the engine; nobody is told.

        Raises:
            EngineUnavailable, EngineFailed: the engine cannot be looked at; nothing was changed.
            StoreFailed: the database refused.
        """
        async for app, state in self._compared():
            if state is not None and state != app.state:
                _log.info("state corrected", app=app.app_name, was=app.state, now=state)
                await self._reports.set_here(app, state)

    async def correct_and_report(self) -> None:
        """Align, and report every app, changed or not.

        An app in transition is reported as it is: its transition knows better than its container.

        Raises:
            EngineUnavailable, EngineFailed: the engine cannot be looked at; nothing was changed.
            StoreFailed: the database refused.
        """
        async for app, state in self._compared(stagger=_STAGGER_S):
            try:
                await self._reports.set(app, state or app.state)
            except ReagentError as error:
                _log.warning("state not reported", app=app.app_name, error=error)

    async def observe(self) -> None:
        """Watch the container of every app that may have one.

        Raises:
            EngineUnavailable, EngineFailed: the engine cannot be looked at.
        """
        rows = await self._records.load()
        if not rows:
            return
        containers = found(await self._shop.engine.list_containers())
        for row in rows:
            name = self._shop.names(app).container if (app := self._records.known(row.id)) else ""
            if row.state not in UNWATCHED and name in containers:
                self._watch.add(name, row.id)

    async def ensure_here(self) -> None:
        """Drive every app to its stored target, as far as that needs nobody else."""
        for row in await self._store.all_wanted():
            app = await self._known(row)
            if app is None or impossible_offline(app.state, app.target, row):
                continue
            if app.state == row.target:
                continue
            self._requests.drive(row)
            await self._shop.clock.sleep(_STAGGER_S)

    async def ensure_everywhere(self) -> None:
        """Drive every release to its stored target; what is there already is reported again."""
        for row in await self._store.all_wanted():
            if driven_on_connect(row):
                self._requests.drive(row)

    async def _compared(self, *, stagger: float = 0.0) -> AsyncIterator[tuple[App, State | None]]:
        """Every app with the state that the engine shows; None in a transition, or for no news.

        An app that changed since the engine was looked at is one that the look says nothing about.

        Args:
            stagger: seconds between one and the next.
        """
        rows = await self._store.all_wanted()
        # The engine is not troubled, nor its library loaded, for a device without apps.
        if not rows:
            return
        known = [(app, app.state, row) for row in rows if (app := await self._known(row))]
        engine = await self._look()
        for number, (app, before, row) in enumerate(known):
            if stagger and number:
                await self._shop.clock.sleep(stagger)
            passed = app.lock.locked() or app.state != before
            yield app, None if passed else await self._truth(app, row, engine)

    async def _look(self) -> _Engine:
        images = await self._shop.engine.list_images()
        return _Engine(found(await self._shop.engine.list_containers()), images)

    async def _known(self, row: WantedApp) -> App | None:
        app = await self._records.get(row.id)
        if app is None:
            _log.warning("a request is stored for an app that is not", app=row.app_name)
        return app

    async def _truth(self, app: App, row: WantedApp, engine: _Engine) -> State | None:
        names = self._shop.names(app)
        if row.docker_compose is None:
            container = engine.containers.get(names.container)
            return corrected(
                app.state,
                container.status if container is not None else None,
                has_image(engine.images, names.repository),
            )
        folder = self._shop.folders.project(app.stage, app.app_name)
        return corrected_project(
            app.state,
            engine.project(names.project),
            folder=await asyncio.to_thread(folder.is_dir),
            images=missing_services(engine.images, row.docker_compose) == [],
        )
