"""End work that is under way. These run beside the transition they end, without its lock.

The work itself finds its stream ended, unwinds as canceled and leaves the state alone.
"""

from __future__ import annotations

from reagent.apps.actions.pull import NO_DEV
from reagent.apps.actions.remove import remove
from reagent.apps.actions.uninstall import uninstall
from reagent.apps.actions.workshop import Job, Workshop
from reagent.errors import Refused
from reagent.model.app import Stage, State, UpdateStatus


async def cancel_pull(shop: Workshop, job: Job) -> None:
    """REMOVED, also when UNINSTALLED was asked for.

    Raises:
        Refused: working copies are never fetched.
    """
    if job.app.stage == Stage.DEV:
        raise Refused(NO_DEV)
    shop.streams.cancel(shop.names(job.wanted).pull)
    await shop.states.set(job.app, State.REMOVED)


async def cancel_build(shop: Workshop, job: Job) -> None:
    """REMOVED.

    Raises:
        Refused: releases are never built on a device.
    """
    if job.app.stage == Stage.PROD:
        raise Refused("cannot build prod apps")
    shop.streams.cancel(shop.names(job.wanted).build)
    await shop.states.set(job.app, State.REMOVED)


async def cancel_push(shop: Workshop, job: Job) -> None:
    """REMOVED."""
    shop.streams.cancel(shop.names(job.wanted).push)
    await shop.states.set(job.app, State.REMOVED)


async def cancel_transfer(shop: Workshop, job: Job) -> None:
    """REMOVED. No upload can be running in this version: there is nothing to end.

    Raises:
        Refused: only working copies are uploaded.
    """
    if job.app.stage == Stage.PROD:
        raise Refused("file transfer is only for dev apps")
    await shop.states.set(job.app, State.REMOVED)


async def cancel_update(shop: Workshop, job: Job) -> None:
    """PRESENT, reported as canceled."""
    _end_update(shop, job)
    await shop.states.set(job.app, State.PRESENT)


async def cancel_update_and_remove(shop: Workshop, job: Job) -> None:
    """Canceled, then removed."""
    _end_update(shop, job)
    await remove(shop, job)


async def cancel_update_and_uninstall(shop: Workshop, job: Job) -> None:
    """Canceled, then uninstalled."""
    _end_update(shop, job)
    await uninstall(shop, job)


def _end_update(shop: Workshop, job: Job) -> None:
    shop.streams.cancel(shop.names(job.wanted).pull)
    job.app.update_status = UpdateStatus.CANCELED
