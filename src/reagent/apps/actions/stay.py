"""Nothing is to be done: say again how the app is."""

from __future__ import annotations

from reagent.apps.actions.workshop import Job, Workshop


async def stay(shop: Workshop, job: Job) -> None:
    """Report the state that is (docs/contract/apps.md 2.3 J)."""
    await shop.states.set(job.app, job.app.state)
