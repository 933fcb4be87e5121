"""Take an app off the device: its container and every image of it. Its files stay."""

from __future__ import annotations

from reagent.apps.actions.workshop import Job, Workshop
from reagent.model.app import Stage, State


async def remove(shop: Workshop, job: Job) -> None:
    """DELETING, REMOVED. What is gone already is fine."""
    app = job.app
    if app.stage not in Stage.__members__:
        return
    names = shop.names(job.wanted)
    await shop.logs.clear_history(names.container)
    await shop.logs.notice(names.container, f"Removing {app.app_name}...")
    await shop.states.set(app, State.DELETING)
    async with shop.telling(names.container, f"Could not remove {app.app_name}"):
        seen = await shop.look(names.container)
        if seen is not None:
            await shop.engine.remove(seen.id)
        await shop.engine.remove_images(names.repository)
    await shop.states.set(app, State.REMOVED)
    await shop.logs.notice(names.container, f"{app.app_name} was removed")
