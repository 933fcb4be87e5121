"""The mechanism of a transition: one at a time per app, and what follows from how it ended.

Steps H to J of docs/contract/apps.md 2.3. Which verb it is stands in `transitions.py`, what a verb
does in `actions/`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from reagent import log
from reagent.aio.bounded import within
from reagent.apps.actions.table import action_for
from reagent.apps.actions.workshop import Job, Workshop
from reagent.apps.states import DISK_GROWING
from reagent.apps.transitions import Verb, update_due, verb_for
from reagent.contracts.backend import Backend
from reagent.contracts.store import Store
from reagent.errors import (
    Canceled,
    Failed,
    NotConnected,
    NotInThisVersion,
    ReagentError,
    TransitionRefused,
    Unavailable,
)
from reagent.model.app import App, Stage, State, WantedApp

_log = log.get(__name__)

# A platform that is alive and does not answer must not hold an app for ever.
_TOKEN_S: Final = 60.0


class Outcome(Enum):
    """How a request ended, once it had the app to itself.

    `UNDEFINED`: the table has no such pair. `REFUSED`: not in this version. `POSTPONED`: the
    platform gave no registry token, nothing was begun.
    """

    STAYED = auto()
    DONE = auto()
    CANCELED = auto()
    FAILED = auto()
    UNDEFINED = auto()
    REFUSED = auto()
    POSTPONED = auto()


class Machine:
    """Runs one transition. The caller holds the app's lock."""

    def __init__(
        self,
        shop: Workshop,
        store: Store,
        backend: Backend,
        *,
        emergency: Callable[[], bool],
        connected: Callable[[], bool],
    ) -> None:
        self._shop = shop
        self._store = store
        self._backend = backend
        self._emergency = emergency
        self._connected = connected

    async def transition(self, app: App, wanted: WantedApp) -> Outcome:
        """Bring an app to where a request wants it.

        Raises:
            StoreFailed: what the request says of the app could not be stored; nothing was begun.
        """
        await self._adopt(app, wanted)
        try:
            token = await self._token(wanted)
        except Unavailable as error:
            _log.error("no registry token, the request waits", app=app.app_name, error=error)
            return Outcome.POSTPONED
        return await self._run(Job(app, wanted, token))

    async def _adopt(self, app: App, wanted: WantedApp) -> None:
        """Take over what the platform knows better. The row is saved with the state before."""
        if wanted.present_version:
            app.version = wanted.present_version
        await self._store.save_app(app)
        awaits_platform = app.state in {State.BUILT, State.PUBLISHED}
        builds = app.state == State.PRESENT and wanted.target == State.BUILT
        if wanted.current in State.__members__ and (awaits_platform or builds):
            app.state = State(wanted.current)

    async def _token(self, wanted: WantedApp) -> str:
        """Fetched for every transition, removals included; without a link there is none."""
        owned = wanted.stage == Stage.PROD and wanted.device_owner_account_key != 0
        account = wanted.device_owner_account_key if owned else wanted.requestor_account_key
        try:
            asked = self._backend.registry_token(account)
            return await within(_TOKEN_S, asked, "registry token")
        except NotConnected:
            return ""

    async def _run(self, job: Job) -> Outcome:
        app, wanted = job.app, job.wanted
        try:
            if self._emergency() and wanted.target in DISK_GROWING:
                raise Failed(f"the disk is full: {app.app_name} cannot be {wanted.target}")  # noqa: TRY301
            verb = self._choose(job)
            if verb is None:
                return Outcome.UNDEFINED
            _log.info("transition", app=app.app_name, stage=app.stage, verb=verb, now=app.state)
            await action_for(verb, job)(self._shop, job)
        except Canceled as error:
            _log.info("transition canceled", app=app.app_name, stage=app.stage, error=error)
            return Outcome.CANCELED
        except NotInThisVersion as error:
            await self._refuse(job, error)
            return Outcome.REFUSED
        except ReagentError as error:
            _log.error("transition failed", app=app.app_name, stage=app.stage, error=error)
            return Outcome.FAILED
        except Exception:  # noqa: BLE001 - a bug in a verb is a failed app, never a locked one
            _log.exception("transition broke", app=app.app_name, stage=app.stage)
            return Outcome.FAILED
        return Outcome.STAYED if verb == Verb.STAY else Outcome.DONE

    def _choose(self, job: Job) -> Verb | None:
        """The update gate, then the table.

        An update begins by removing what runs. Without a link, at boot for one, there is no token
        to fetch the new version with, so what is installed starts; the next connect drives it.
        """
        if self._connected() and update_due(job.app, job.wanted):
            return Verb.UPDATE
        return self._verb(job)

    def _verb(self, job: Job) -> Verb | None:
        try:
            return verb_for(job.app.state, job.wanted.target, job.wanted.stage)
        except TransitionRefused as error:
            _log.info("nothing to be done", app=job.app.app_name, why=error)
            return None

    async def beside(self, app: App, wanted: WantedApp) -> None:
        """Run the table's verb without lock and token: how work under way is canceled."""
        job = Job(app, wanted)
        verb = self._verb(job)
        if verb is None:
            return
        _log.info("transition", app=app.app_name, stage=app.stage, verb=verb, now=app.state)
        try:
            await action_for(verb, job)(self._shop, job)
        except NotInThisVersion as error:
            await self._refuse(job, error)
        except ReagentError as error:
            _log.error("transition failed", app=app.app_name, verb=verb, error=error)

    async def _refuse(self, job: Job, why: NotInThisVersion) -> None:
        app = job.app
        _log.warning("refused", app=app.app_name, stage=app.stage, now=app.state, error=why)
        await self._shop.logs.notice(
            self._shop.names(job.wanted).container, f"{app.app_name} stays as it is: {why}"
        )
