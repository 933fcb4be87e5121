"""Fetch a release from the registry."""

from __future__ import annotations

from reagent.apps.actions.workshop import Job, Workshop
from reagent.errors import Canceled, Failed, Refused
from reagent.model.app import Login, Stage, State

NO_DEV = "cannot pull dev apps"


async def pull(shop: Workshop, job: Job) -> None:
    """DOWNLOADING, PRESENT.

    The version that is fetched is the newest one; it becomes the installed one where none was
    installed yet, so that an app can run whose payload names nothing but the newest version. Where
    another one is installed, running fetches that one (docs/contract/apps.md Q-7).

    Raises:
        Refused: a working copy has no image to be fetched.
        Canceled: somebody ended it; the state stays as the canceller set it.
    """
    await fetch(shop, job, job.wanted.newest_version or job.app.version)


async def fetch(shop: Workshop, job: Job, version: str) -> None:
    """The same for a certain version."""
    app, wanted = job.app, job.wanted
    if app.stage == Stage.DEV:
        raise Refused(NO_DEV)
    names = shop.names(wanted)
    await shop.logs.clear_remote(names.container)
    await shop.logs.notice(names.container, f"Downloading {app.app_name} {version}...")
    await shop.logs.clear_history(names.container)
    async with shop.telling(names.container, f"Could not download {app.app_name} {version}"):
        if not version:
            raise Failed("the platform named no version")
        try:
            async with shop.streams.cancelable(names.pull):
                await transfer(shop, job, version, as_soon_as_it_flows=State.DOWNLOADING)
        except Canceled:
            await shop.logs.notice(names.container, f"Download of {app.app_name} was canceled")
            raise
    app.version = app.version or version
    await shop.logs.notice(names.container, f"Downloaded {app.app_name} {version}")
    await shop.states.set(app, State.PRESENT)


async def transfer(
    shop: Workshop, job: Job, version: str, *, as_soon_as_it_flows: State | None = None
) -> None:
    """Read a version from the registry to its end, with the state that the app takes on then.

    Raises:
        EngineFailed: the registry has no such version, or gives it to nobody; the engine's text.
    """
    names = shop.names(job.wanted)
    login = Login(job.token, shop.identity().secret) if job.token else None
    async with shop.engine.pull(f"{names.repository}:{version}", login) as lines:
        if as_soon_as_it_flows is not None:
            await shop.states.set(job.app, as_soon_as_it_flows)
        await shop.logs.stream(names.container, lines)
