"""Start an app."""

from __future__ import annotations

from reagent import log
from reagent.apps.actions.launch import DidNotStart, launch
from reagent.apps.actions.pull import fetch
from reagent.apps.actions.workshop import Job, Workshop
from reagent.errors import Failed, ReagentError
from reagent.model.app import App, Stage, State

_log = log.get(__name__)


async def run(shop: Workshop, job: Job) -> None:
    """STARTING, RUNNING; DOWNLOADING, PRESENT in between when the image of a release is missing.

    The version that is run is the installed one, and that one is what is fetched when it is
    missing; where none is installed yet it is the newest one (docs/contract/apps.md Q-7).
    """
    app = job.app
    if app.stage not in Stage.__members__:
        return
    container = shop.names(job.wanted).container
    if app.stage == Stage.DEV:
        await _clear_away(shop, container)
    await shop.logs.clear_history(container)
    await shop.logs.notice(container, f"Starting {_called(app)}...")
    await shop.states.set(app, State.STARTING)
    try:
        async with shop.telling(container, f"Could not start {app.app_name}"):
            await launch(shop, job, await _image(shop, job))
    except DidNotStart:
        await shop.logs.drain(container)
        raise
    await shop.states.set(app, State.RUNNING)
    await shop.logs.notice(container, f"{_called(app)} is running")
    await shop.logs.follow(container)


def _called(app: App) -> str:
    """Name and version; a working copy has none."""
    return f"{app.app_name} {app.version}".rstrip()


async def _clear_away(shop: Workshop, container: str) -> None:
    """A working copy starts from its newest image: a container of an older one is in the way."""
    seen = await shop.look(container)
    if seen is not None:
        await shop.engine.remove(seen.id)


async def _image(shop: Workshop, job: Job) -> str:
    """The image to run, fetched if need be."""
    app = job.app
    repository = shop.names(job.wanted).repository
    if app.stage == Stage.DEV:
        return repository
    version = app.version or job.wanted.newest_version
    if not version:
        raise Failed("the platform named no version")
    reference = f"{repository}:{version}"
    if not await _is_here(shop, reference):
        await fetch(shop, job, version)
    app.version = version
    return reference


async def _is_here(shop: Workshop, reference: str) -> bool:
    try:
        return await shop.engine.image_exists(reference)
    except ReagentError as error:
        # Creating the container says more about what is wrong.
        _log.warning("image not looked up", image=reference, error=error)
        return True
