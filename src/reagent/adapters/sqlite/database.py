"""One database that is always there: the file where it can be used, else memory.

A device must come online whatever state its disk is in. So a damaged file is put aside under
`<name>.broken-<n>`, never deleted, and a new one begun; and where the file cannot be written
(read-only, full, failing) the agent goes on in memory with what the file held, says so, and writes
it back as soon as that works again. Everything here blocks and belongs to one thread.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from reagent import log
from reagent.adapters.sqlite import driver, migrate
from reagent.adapters.sqlite.driver import Trouble
from reagent.settings.opening import CLOSE_ON_EXEC

if TYPE_CHECKING:
    import sqlite3

_log = log.get(__name__)
_T = TypeVar("_T")

# Reading all of a larger file at every start would keep the device offline for seconds.
_CHECKED_UP_TO: Final = 32 * 1024 * 1024
_WRITE_BACK_EVERY: Final = 60.0
_COMPANIONS: Final = ("-journal", "-wal", "-shm")


class Database:
    """The connection, and what to do when the file behind it fails.

    Args:
        path: the database file.
        probe: a statement that compiles only if every table and column needed is there.
        monotonic: seconds; paces the attempts to write back.
    """

    def __init__(self, path: str, probe: str, monotonic: Callable[[], float]) -> None:
        self._path = path
        self._probe = probe
        self._monotonic = monotonic
        self._migrations = migrate.shipped()
        self._in_memory = False
        self._may_write_back = False
        self._last_attempt = monotonic()
        self._connection = self._open()

    @property
    def in_memory(self) -> bool:
        """Whether what is written now is lost at the end, unless the disk recovers."""
        return self._in_memory

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work`, which only reads.

        Raises:
            Error (of the library): the database refused.
        """
        return work(self._connection)

    def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` in a transaction; in memory where the file can no longer take it.

        Raises:
            Error (of the library): the database refused; nothing was changed.
        """
        try:
            result = self._transact(work)
        except driver.library().Error as error:
            if self._in_memory or driver.trouble(error) is not Trouble.MEDIUM:
                raise
            if not self._move_to_memory(error):
                raise
            return self._transact(work)
        if self._in_memory and self._monotonic() - self._last_attempt >= _WRITE_BACK_EVERY:
            self._write_back()
        return result

    def close(self) -> None:
        """Close; what is in memory only is written back where that is possible."""
        if self._in_memory:
            self._write_back()
        self._connection.close()

    # --- opening ------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        sql = driver.library()
        alone = True
        for _ in range(2):
            try:
                return self._open_file()
            except _DamagedError as error:
                self._say_damaged(error)
                if not self._put_aside():
                    break
            except (OSError, sql.Error) as error:
                _log.error(
                    "the database cannot be used: what happens from now on is kept in memory only",
                    path=self._path,
                    error=error,
                )
                # Writing back would undo what the process that holds it has written.
                alone = driver.trouble(error) is not Trouble.BUSY
                break
        return self._open_memory(alone=alone)

    def _open_file(self) -> sqlite3.Connection:
        sql = driver.library()
        size = self._prepare_file()
        try:
            connection = driver.connect(self._path)
        except sql.Error as error:
            raise self._as_damage(error) from error
        try:
            if size <= _CHECKED_UP_TO:
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != ("ok",):
                    raise _DamagedError(str(verdict[0]))  # noqa: TRY301
            self._bring_up_to_date(connection)
        except sql.Error as error:
            connection.close()
            raise self._as_damage(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare_file(self) -> int:
        """Make the file with its final mode before SQLite does; only a plain file will do.

        Nothing may open and close the file while SQLite has it: that drops SQLite's locks.
        """
        try:
            kind = os.stat(self._path).st_mode  # noqa: PTH116 - a FIFO must not be opened
        except FileNotFoundError:
            kind = stat.S_IFREG
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            raise OSError("it is a device, which is not ours to put aside")
        if not stat.S_ISREG(kind):
            raise _DamagedError("it is not a plain file")
        # Where it can only be read, an existing mode stays, and SQLite says what it thinks of it.
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | CLOSE_ON_EXEC, 0o600)
        except OSError:
            if not Path(self._path).exists():
                raise
            return Path(self._path).stat().st_size
        try:
            seen = os.fstat(descriptor)
            if stat.S_IMODE(seen.st_mode) != 0o600:
                os.fchmod(descriptor, 0o600)
            return seen.st_size
        finally:
            os.close(descriptor)

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        migrate.migrate(connection, self._migrations)
        try:
            connection.execute(self._probe)
        except driver.library().OperationalError:
            migrate.repair(connection, self._migrations)
            connection.execute(self._probe)

    @staticmethod
    def _as_damage(error: Exception) -> Exception:
        """Damage where the file's content is the reason: also a schema that is not ours at all."""
        if driver.trouble(error) in {Trouble.CONTENT, Trouble.STATEMENT}:
            return _DamagedError(str(error))
        return error

    # --- what to do about it ------------------------------------------------------------------

    def _say_damaged(self, error: _DamagedError) -> None:
        _log.error(
            "THE DATABASE IS DAMAGED: it is put aside, and a new one begun",
            path=self._path,
            error=error,
        )

    def _put_aside(self) -> bool:
        number = 1
        while os.path.lexists(f"{self._path}.broken-{number}"):
            number += 1
        aside = f"{self._path}.broken-{number}"
        try:
            Path(self._path).rename(aside)
            for companion in _COMPANIONS:
                if os.path.lexists(self._path + companion):
                    Path(self._path + companion).rename(aside + companion)
        except OSError as error:
            _log.error("the damaged database cannot be put aside", path=self._path, error=error)
            return False
        _log.error("the damaged database was put aside", path=self._path, aside=aside)
        return True

    def _open_memory(self, *, alone: bool) -> sqlite3.Connection:
        connection, holds_the_file = driver.connect_memory(self._path)
        try:
            self._bring_up_to_date(connection)
        except driver.library().Error:
            connection.close()
            connection = driver.library().connect(":memory:", isolation_level=None)
            holds_the_file = False
            self._bring_up_to_date(connection)
        self._in_memory = True
        self._may_write_back = holds_the_file and alone
        return connection

    def _move_to_memory(self, error: Exception) -> bool:
        sql = driver.library()
        memory: sqlite3.Connection = sql.connect(":memory:", isolation_level=None)
        try:
            self._connection.backup(memory)
        except sql.Error:
            memory.close()
            return False
        _log.error(
            "the database cannot be written: what happens from now on is kept in memory only",
            path=self._path,
            error=error,
        )
        self._connection.close()
        self._connection = memory
        self._in_memory = True
        self._may_write_back = True
        self._last_attempt = self._monotonic()
        return True

    def _write_back(self) -> None:
        """Put memory's content into the file, all or nothing; never over one we could not read."""
        self._last_attempt = self._monotonic()
        if not self._may_write_back:
            return
        sql = driver.library()
        try:
            self._prepare_file()
            disk = driver.connect(self._path)
        except (OSError, sql.Error, _DamagedError):
            return
        try:
            self._connection.backup(disk)
        except sql.Error:
            disk.close()
            return
        _log.warning("the database can be written again", path=self._path)
        self._connection.close()
        self._connection = disk
        self._in_memory = False

    def _transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result


class _DamagedError(Exception):
    """The file is there, and no database that can be used."""
