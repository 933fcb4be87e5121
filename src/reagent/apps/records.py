"""The live records: exactly one object per app and stage in a process (docs/contract/apps.md 7.1).

A record is never dropped: a transition may hold it, and its lock is what keeps two apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from reagent.contracts.store import AppRow, Store
from reagent.model.app import App, AppKey, State, WantedApp
from reagent.model.names import container_name


class Records:
    """Memory first, then the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._apps: dict[AppKey, App] = {}

    def known(self, app: AppKey) -> App | None:
        """The record, if it is in memory."""
        return self._apps.get(app)

    def all(self) -> list[App]:
        """Every record in memory."""
        return list(self._apps.values())

    async def get(self, app: AppKey) -> App | None:
        """The record, taken from the database when it is only there; None: nobody knows it."""
        if (known := self._apps.get(app)) is not None:
            return known
        row = await self._store.app(app)
        return None if row is None else self._take(row)

    async def load(self) -> Sequence[AppRow]:
        """Bring every stored app into memory, and return the rows."""
        rows = await self._store.apps()
        for row in rows:
            self._take(row)
        return rows

    def add(self, wanted: WantedApp, current: State, target: State) -> App:
        """Begin the record of an app that nobody knew."""
        app = App(
            app_key=wanted.app_key,
            app_name=wanted.app_name,
            stage=wanted.stage,
            state=current,
            target=target,
            version=wanted.present_version,
            release_key=wanted.release_key,
            requestor_account_key=wanted.requestor_account_key,
            request_update=wanted.request_update,
        )
        return self._apps.setdefault(app.id, app)

    def by_container(self, name: str) -> App | None:
        """The record whose container has this name, in any case; memory only."""
        for app in self._apps.values():
            if container_name(app.stage, app.app_key, app.app_name) == name.lower():
                return app
        return None

    def _take(self, row: AppRow) -> App:
        # Somebody else may have taken the same row while we waited for the database.
        return self._apps.setdefault(
            row.id,
            App(
                app_key=row.app_key,
                app_name=row.app_name,
                stage=row.stage,
                state=row.state,
                target=row.target or row.state,
                version=row.version,
                release_key=row.release_key,
                requestor_account_key=row.requestor_account_key,
                request_update=row.request_update,
                last_updated=row.timestamp,
            ),
        )
