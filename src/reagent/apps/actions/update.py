"""Bring an installed release to its newest version (docs/contract/apps.md 2.8)."""

from __future__ import annotations

from reagent import log
from reagent.apps.actions.pull import transfer
from reagent.apps.actions.workshop import Job, Workshop
from reagent.errors import Canceled, ReagentError, Refused
from reagent.model.app import Stage, State, UpdateStatus

_log = log.get(__name__)


async def update(shop: Workshop, job: Job) -> None:
    """UPDATING, PRESENT; what is wanted after that is the business of whoever looks next.

    The container goes first: what comes back from a failed update is the crash loop's to start.
    The stored request follows the report of PRESENT: versions, release and the target as it is
    then, which is the last one that was asked for.

    Raises:
        Refused: a working copy has no newer version, nor has an app that is the newest one.
        Canceled: somebody ended it; the state stays as the canceller set it.
    """
    app, wanted = job.app, job.wanted
    before, newest = app.version, wanted.newest_version
    if app.stage == Stage.DEV:
        raise Refused("cannot update dev app")
    if newest == before:
        raise Refused(f"{app.app_name} {before} is already equal to the newest version")
    names = shop.names(wanted)
    async with shop.telling(names.container, f"Could not update {app.app_name} to {newest}"):
        try:
            async with shop.streams.cancelable(names.pull):
                await shop.states.set(app, State.UPDATING)
                await _make_way(shop, names.container)
                await shop.logs.notice(names.container, f"Updating {app.app_name} to {newest}...")
                await shop.logs.clear_history(names.container)
                await transfer(shop, job, newest)
        except Canceled:
            await shop.logs.notice(names.container, f"Update of {app.app_name} was canceled")
            raise
    await shop.logs.notice(names.container, f"Updated {app.app_name} to {newest}")
    app.version = newest
    app.release_key = wanted.new_release_key or app.release_key
    app.update_status = UpdateStatus.PENDING
    await shop.states.set(app, State.PRESENT)
    if before:
        await _drop(shop, f"{names.repository}:{before}")


async def _make_way(shop: Workshop, container: str) -> None:
    seen = await shop.look(container)
    if seen is not None:
        await shop.engine.remove(seen.id)


async def _drop(shop: Workshop, reference: str) -> None:
    """What was run until now. It may stay: the next removal of the app takes it."""
    try:
        await shop.engine.remove_image(reference)
    except ReagentError as error:
        _log.warning("an old image stays", image=reference, error=error)
