"""Set a state: memory, then database, then the platform (docs/contract/apps.md 6.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reagent import log
from reagent.aio.bounded import within
from reagent.apps.states import GONE
from reagent.contracts.backend import Backend
from reagent.contracts.store import Store
from reagent.errors import DeadlineExceeded, NotConnected, RecordNotFound
from reagent.model.app import App, State, UpdateStatus

_log = log.get(__name__)

# A platform that is alive and does not answer must not hold an app for ever.
_ANSWER_S: Final = 60.0


class Reports:
    """The one way a state changes.

    A report that finds no link is not a failure of the app: every app is reported anew when the
    link is back (docs/decisions/0006-reports-while-the-link-is-down.md). One that the platform
    answers with an error is.
    """

    def __init__(self, store: Store, backend: Backend) -> None:
        self._store = store
        self._backend = backend

    async def set(self, app: App, state: State) -> None:
        """Change the state here and tell the platform.

        Raises:
            StoreFailed: nothing but the memory changed.
            CallFailed: the platform refused the report; memory and database have changed.
        """
        await self.set_here(app, state)
        await self._tell(app, state)

    async def set_here(self, app: App, state: State) -> None:
        """Change the state without telling anybody.

        Raises:
            StoreFailed: nothing but the memory changed.
        """
        app.state = state
        app.last_updated = await self._store.save_app(replace(app, state=state))
        if state == State.REMOVED:
            await self._forget_removed(app)

    async def _tell(self, app: App, state: State) -> None:
        _log.info("app state", app=app.app_name, key=app.app_key, stage=app.stage, state=state)
        try:
            # A copy: a cancellation may change the record while the report is under way.
            report = self._backend.report_app(replace(app, state=state))
            await within(_ANSWER_S, report, "answer to a state report")
        except (NotConnected, DeadlineExceeded) as error:
            _log.info(
                "state not reported, the next connect does it",
                app=app.app_name,
                state=state,
                error=error,
            )
            return
        if app.update_status == UpdateStatus.PENDING:
            app.update_status = UpdateStatus.COMPLETED

    async def _forget_removed(self, app: App) -> None:
        """What is removed, and meant to be, leaves no rows."""
        try:
            row = await self._store.wanted(app.id)
        except RecordNotFound:
            return
        # A request that came meanwhile has set the target in memory before it writes its row.
        if row.target in GONE and app.target in GONE:
            await self._store.delete_wanted(app.id)
            await self._store.delete_app(app.id)
