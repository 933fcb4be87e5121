"""Nothing is to be done: say again how the app is."""

from __future__ import annotations

from reagent import log
from reagent.apps.actions.workshop import Job, Workshop
from reagent.errors import Unavailable

_log = log.get(__name__)


async def stay(shop: Workshop, job: Job) -> None:
    """Report the state that is (docs/contract/apps.md 2.3 J). Refused or not, it stays."""
    try:
        await shop.states.set(job.app, job.app.state)
    except Unavailable as error:
        _log.warning("state not reported", app=job.app.app_name, error=error)
