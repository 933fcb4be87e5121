"""Remove an app, and everything it kept on this device."""

from __future__ import annotations

import asyncio
from pathlib import Path

from reagent.apps.actions.remove import remove
from reagent.apps.actions.workshop import Job, Workshop
from reagent.errors import Failed
from reagent.model.app import Stage, State


async def uninstall(shop: Workshop, job: Job) -> None:
    """DELETING, REMOVED, UNINSTALLED; then host ports and files.

    Raises:
        Failed: files could not be deleted; UNINSTALLED was reported by then.
    """
    app = job.app
    # A name that leads out of the apps' folder is found out before anything is deleted.
    data = shop.folders.data(app.stage, app.app_name)
    archive = shop.folders.archive(app.app_name) if app.stage == Stage.DEV else None
    await remove(shop, job)
    await shop.states.set(app, State.UNINSTALLED)
    shop.host_ports.release(app.id)
    async with shop.telling(
        shop.names(job.wanted).container, f"Could not uninstall {app.app_name}"
    ):
        await asyncio.to_thread(_delete, data, archive)


def _delete(data: Path, archive: Path | None) -> None:
    import shutil  # noqa: PLC0415 - rare, and not small

    try:
        if archive is not None:
            archive.unlink(missing_ok=True)
        if data.is_symlink():
            data.unlink()
        elif data.exists():
            shutil.rmtree(data)
    except OSError as error:
        raise Failed(f"the files of the app could not be deleted: {error}") from error
