"""The contract `Store` on SQLite: what is written when (docs/contract/apps.md 7.4).

All work runs in one thread of its own: a commit waits for the disk, up to seconds on a worn card,
and the event loop must not. An app has one row per key and stage, whatever its name was before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from reagent import log
from reagent.adapters.sqlite import driver, rows, statements
from reagent.adapters.sqlite.database import Database
from reagent.contracts.clock import Clock
from reagent.contracts.store import AppRow
from reagent.errors import RecordNotFound, StoreFailed
from reagent.model.app import App, AppKey, Login, WantedApp

if TYPE_CHECKING:
    import os
    import sqlite3

_T = TypeVar("_T")
_log = log.get(__name__)

# A disk that hangs must not keep the process from ending.
_CLOSE_SECONDS: Final = 5.0


@asynccontextmanager
async def open_store(path: str | os.PathLike[str], clock: Clock) -> AsyncIterator[SqliteStore]:
    """Open the database, whatever state it is in; on leaving it is one file again.

    Args:
        path: the database file; its folder exists.
        clock: stamps rows, and paces the attempts to leave memory again.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
    opening = thread.submit(Database, str(path), statements.PROBE, clock.monotonic)
    try:
        database = await asyncio.wrap_future(opening)
    except BaseException:
        # Cancelled while the thread is still at it: it closes what it opened, unattended.
        thread.submit(lambda: opening.result().close())
        thread.shutdown(wait=False)
        raise
    store = SqliteStore(database, thread, clock)
    try:
        yield store
    finally:
        await store.close()


class SqliteStore:
    """The database behind one thread. Made by `open_store`."""

    def __init__(self, database: Database, thread: ThreadPoolExecutor, clock: Clock) -> None:
        self._database = database
        self._thread = thread
        self._clock = clock
        self._closed = False
        # Registry passwords live as long as the process, and never on disk.
        self._logins: dict[AppKey, Mapping[str, Login]] = {}

    @property
    def in_memory(self) -> bool:
        """Whether the disk cannot be used, so that nothing survives a restart."""
        return self._database.in_memory

    async def app(self, app: AppKey) -> AppRow | None:
        """See the contract."""
        return await self._read(lambda connection: statements.read_app(connection, app))

    async def apps(self) -> Sequence[AppRow]:
        """See the contract."""
        return await self._read(statements.read_apps)

    async def save_app(self, app: App) -> str:
        """See the contract. History holds the old state with the new version and release key."""
        now = self._clock.rfc3339()
        seen = replace(app)
        return await self._write(lambda connection: statements.save_app(connection, seen, now))

    async def wanted(self, app: AppKey) -> WantedApp:
        """See the contract."""
        found = await self._read(lambda connection: statements.read_wanted(connection, app))
        if found is None:
            raise RecordNotFound(f"no requested state found for app {app.key} ({app.stage})")
        return self._with_logins(found)

    async def all_wanted(self) -> Sequence[WantedApp]:
        """See the contract."""
        found = await self._read(statements.read_all_wanted)
        return [self._with_logins(wanted) for wanted in found]

    async def save_wanted(self, wanted: WantedApp) -> None:
        """See the contract.

        A conflict on key and stage overwrites everything but the timestamp; an owner key, epoch,
        instance key or publish version that the payload does not say stays. Registry logins are
        remembered in memory only.
        """
        now = self._clock.rfc3339()
        await self._write(lambda connection: statements.save_wanted(connection, wanted, now))
        if wanted.docker_credentials is not None:
            self._logins[wanted.id] = wanted.docker_credentials

    async def delete_app(self, app: AppKey) -> None:
        """See the contract."""
        await self._write(lambda connection: statements.delete_app(connection, app))

    async def delete_wanted(self, app: AppKey) -> None:
        """See the contract."""
        await self._write(lambda connection: statements.delete_wanted(connection, app))
        self._logins.pop(app, None)

    async def log_history(self, app: AppKey) -> Sequence[str]:
        """See the contract."""
        found = await self._read(lambda connection: statements.read_log(connection, app))
        if found is None:
            raise RecordNotFound(f"no logs found for app {app.key} ({app.stage})")
        return found

    async def save_log_history(self, app: AppKey, app_name: str, lines: Sequence[str]) -> None:
        """See the contract."""
        text = rows.to_json(list(lines))
        await self._write(lambda connection: statements.save_log(connection, app, app_name, text))

    async def clear_log_history(self, app: AppKey) -> None:
        """See the contract."""
        await self._write(lambda connection: statements.set_logs(connection, app, "[]"))

    async def prove(self) -> None:
        """See the contract."""
        if self.in_memory:
            raise StoreFailed("the database is in memory: the disk does not take it")
        now = self._clock.rfc3339()
        await self._write(lambda connection: statements.write_and_take_back(connection, now))
        if self.in_memory:
            raise StoreFailed("the disk does not take the database any more")

    async def close(self) -> None:
        """See the contract; bounded, because a disk may hang. Twice is fine."""
        if self._closed:
            return
        self._closed = True
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        self._thread.shutdown(wait=False)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await closing
        except (TimeoutError, driver.library().Error) as error:
            _log.error("the database was not closed", error=error)

    # --- the way into the thread ------------------------------------------------------------------

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(lambda: self._database.read(work))

    async def _write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(lambda: self._database.write(work))

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._closed:
            raise StoreFailed("the database is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (driver.library().Error, OverflowError, ValueError, TypeError) as error:
            raise StoreFailed(f"the database refused: {error}") from error

    def _with_logins(self, wanted: WantedApp) -> WantedApp:
        logins = self._logins.get(wanted.id)
        return wanted if logins is None else replace(wanted, docker_credentials=logins)
