"""What is left of apps that nobody knows any more (docs/contract/apps.md 6.10, 6.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from reagent import log
from reagent.apps.actions.workshop import Workshop
from reagent.apps.crashloop import CrashLoop
from reagent.apps.observed import Found, found
from reagent.apps.records import Records
from reagent.apps.watch import ours
from reagent.contracts.engine import Engine
from reagent.contracts.store import AppRow, Store
from reagent.errors import ReagentError
from reagent.model.app import AppKey, Stage, State

_log = log.get(__name__)

_PROJECT: Final = "_compose"


def normalised_project(name: str) -> str:
    """A project name as compose makes it: lower-case letters, digits, `_` and `-`."""
    kept = (letter for letter in name.lower() if letter in "abcdefghijklmnopqrstuvwxyz0123456789_-")
    return "".join(kept).lstrip("_-")


def is_project_of_agent(project: str) -> bool:
    """Whether a compose project was made by an agent: `prod_6_my_app_compose`.

    Read from both ends, because names of apps may hold underscores.
    """
    return project.endswith(_PROJECT) and ours(project.removesuffix(_PROJECT)) is not None


def orphans(
    containers: Iterable[Found], keep_containers: set[str], keep_projects: set[str]
) -> list[str]:
    """Names of containers that an agent made for an app that is not known any more.

    Only `dev_` and `prod_` with a key count as made by an agent: look-alikes stay.
    """
    gone = []
    for container in containers:
        if container.project:
            orphan = (
                is_project_of_agent(container.project) and container.project not in keep_projects
            )
        else:
            orphan = (
                f"{_PROJECT}-" not in container.name
                and ours(container.name) is not None
                and container.name not in keep_containers
            )
        if orphan:
            gone.append(container.name)
    return gone


class Sweep:
    """Removes them. What cannot be removed is logged and met again at the next connect."""

    def __init__(self, shop: Workshop, store: Store, records: Records, crashes: CrashLoop) -> None:
        self._shop = shop
        self._store = store
        self._records = records
        self._crashes = crashes

    async def apps(self, wanted: Callable[[AppKey], bool]) -> None:
        """Forget every stored app that is not wanted, working copies included.

        The caller vouches for the answers: False to all removes every app.

        Raises:
            StoreFailed: the database refused.
        """
        for row in await self._records.load():
            if not wanted(row.id):
                await self._forget(row)

    async def containers(self) -> None:
        """Remove containers of apps that are not stored.

        Raises:
            EngineUnavailable, EngineFailed: the containers cannot be listed.
            StoreFailed: the database refused.
        """
        rows = await self._store.apps()
        names = [self._shop.names(app) for row in rows if (app := self._records.known(row.id))]
        seen = found(await self._shop.engine.list_containers())
        keep_projects = {normalised_project(each.project) for each in names}
        for name in orphans(seen.values(), {each.container for each in names}, keep_projects):
            _log.info("removing the container of an app that is not known", container=name)
            await _remove(self._shop.engine, name)

    async def _forget(self, row: AppRow) -> None:
        _log.info("the platform does not know the app any more", app=row.app_name, stage=row.stage)
        self._crashes.forget(row.id)
        app = self._records.known(row.id)
        if app is not None:
            names = self._shop.names(app)
            self._shop.streams.cancel(names.pull)
            await self._remove_containers(names.container, names.project)
            if row.stage == Stage.DEV:
                # Under the name it is built as, and under the one that goes without a registry.
                for repository in (names.repository, names.image):
                    await self._remove_images(repository)
            gone = State.UNINSTALLED if app.state == State.UNINSTALLED else State.REMOVED
            app.state = app.target = gone
        await self._store.delete_wanted(row.id)
        await self._store.delete_app(row.id)

    async def _remove_containers(self, container: str, project: str) -> None:
        try:
            seen = found(await self._shop.engine.list_containers())
        except ReagentError as error:
            _log.warning("containers not listed", error=error)
            return
        for each in seen.values():
            if each.name == container or each.project == normalised_project(project):
                await _remove(self._shop.engine, each.name)

    async def _remove_images(self, repository: str) -> None:
        try:
            await self._shop.engine.remove_images(repository)
        except ReagentError as error:
            _log.warning("images not removed", repository=repository, error=error)


async def _remove(engine: Engine, container: str) -> None:
    try:
        await engine.remove(container)
    except ReagentError as error:
        _log.warning("a container was not removed", container=container, error=error)
