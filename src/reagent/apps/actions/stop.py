"""End a running app. What is stopped is removed too, so that the next start is a fresh one."""

from __future__ import annotations

from typing import Final

from reagent.apps.actions.workshop import Job, Workshop
from reagent.contracts.engine import ContainerSeen
from reagent.errors import ContainerNotFound, DeadlineExceeded
from reagent.model.app import Stage, State

GRACE_S: Final = 1
_LIMIT_S: Final = 30.0
_POLL_S: Final = 1.0
_ALIVE: Final = frozenset({"running", "paused", "restarting"})


async def stop(shop: Workshop, job: Job) -> None:
    """STOPPING (twice for PROD), PRESENT. An app without a container counts as stopped."""
    app = job.app
    if app.stage not in Stage.__members__:
        return
    container = shop.names(job.wanted).container
    if app.stage == Stage.PROD:
        await shop.states.set(app, State.STOPPING)
    async with shop.telling(container, f"Could not stop {app.app_name}"):
        seen = await shop.look(container)
        await shop.states.set(app, State.STOPPING)
        await shop.logs.notice(container, f"Stopping {app.app_name}...")
        if seen is not None:
            await _end(shop, seen)
    await shop.states.set(app, State.PRESENT)
    await shop.logs.notice(container, f"{app.app_name} has stopped")


async def _end(shop: Workshop, seen: ContainerSeen) -> None:
    try:
        await shop.engine.stop(seen.id, GRACE_S)
    except ContainerNotFound:
        return
    await _until(shop, seen.id, gone=False)
    await shop.engine.remove(seen.id)
    await _until(shop, seen.id, gone=True)


async def _until(shop: Workshop, container: str, *, gone: bool) -> None:
    """Wait until a container no longer runs, or is gone altogether.

    Raises:
        DeadlineExceeded: it took 30 s.
    """
    started = shop.clock.monotonic()
    while True:
        seen = await shop.look(container)
        if seen is None or (not gone and seen.status not in _ALIVE):
            return
        if shop.clock.monotonic() - started >= _LIMIT_S:
            raise DeadlineExceeded(f"{seen.name} is still {seen.status} after {_LIMIT_S:g} s")
        await shop.clock.sleep(_POLL_S)
