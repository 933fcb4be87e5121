"""Bring a failed app back, over the remains of its container."""

from __future__ import annotations

from reagent import log
from reagent.apps.actions.pull import pull
from reagent.apps.actions.run import run
from reagent.apps.actions.workshop import Job, Workshop
from reagent.apps.resume import has_image
from reagent.errors import NotInThisVersion, ReagentError
from reagent.model.app import Stage, State
from reagent.model.names import container_name

_log = log.get(__name__)


async def recover_to_running(shop: Workshop, job: Job) -> None:
    """Remove what is left of the container, then run."""
    await _clear_away(shop, job)
    await run(shop, job)


async def recover_to_present(shop: Workshop, job: Job) -> None:
    """PRESENT when any image of the app is here, else fetch it.

    Raises:
        NotInThisVersion: a working copy would have to be built.
    """
    if job.app.stage == Stage.DEV:
        raise NotInThisVersion("building an app on the device is not in this version")
    await _clear_away(shop, job)
    if has_image(await shop.engine.list_images(), shop.names(job.wanted).repository):
        await shop.states.set(job.app, State.PRESENT)
    else:
        await pull(shop, job)


async def _clear_away(shop: Workshop, job: Job) -> None:
    stage = Stage.DEV if job.app.stage == Stage.DEV else Stage.PROD
    container = container_name(stage, job.wanted.app_key, job.wanted.app_name)
    try:
        await shop.engine.remove(container)
    except ReagentError as error:
        _log.warning("remains of a container stay", container=container, error=error)
