"""Which SQLite is used, how a connection is set up, and what its refusals mean.

Static executables link the library into `sqlite3`; other installs may bring a newer one in
`pysqlite3`. Neither is imported before a database is opened.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS: Final = 2.5
_MEMORY: Final = ":memory:"

_ERROR, _PERM, _BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT = 1, 3, 5, 6, 8, 10, 11
_FULL, _CANTOPEN, _CONSTRAINT, _MISMATCH, _FORMAT, _NOTADB = 13, 14, 19, 20, 24, 26


class Trouble(Enum):
    """What a refusal of SQLite is about."""

    STATEMENT = auto()  # what was asked: a broken rule, a value out of range
    MEDIUM = auto()  # where it lies: full, read-only, failing
    CONTENT = auto()  # what is in the file: not a database, or a damaged one
    BUSY = auto()  # another process holds it
    OTHER = auto()  # anything else, a lack of memory for one


_TROUBLES: Final = {
    _ERROR: Trouble.STATEMENT,
    _CONSTRAINT: Trouble.STATEMENT,
    _MISMATCH: Trouble.STATEMENT,
    _PERM: Trouble.MEDIUM,
    _READONLY: Trouble.MEDIUM,
    _IOERR: Trouble.MEDIUM,
    _FULL: Trouble.MEDIUM,
    _CANTOPEN: Trouble.MEDIUM,
    _CORRUPT: Trouble.CONTENT,
    _FORMAT: Trouble.CONTENT,
    _NOTADB: Trouble.CONTENT,
    _BUSY: Trouble.BUSY,
    _LOCKED: Trouble.BUSY,
}


@cache
def library() -> ModuleType:
    """The newest SQLite at hand; the standard library's when both are the same."""
    import sqlite3  # noqa: PLC0415 - 3 ms that nobody pays who opens no database

    try:
        import pysqlite3.dbapi2  # noqa: PLC0415
    except ImportError:
        return sqlite3
    newer: ModuleType = pysqlite3.dbapi2
    return newer if newer.sqlite_version_info > sqlite3.sqlite_version_info else sqlite3


def connect(path: str) -> sqlite3.Connection:
    """Open a database file that exists, for reading and writing, as one file at rest.

    A rollback journal, not WAL: older agents and a plain copy of the file then see everything that
    was committed, also after a cut.

    Raises:
        Error (of the library): it cannot be opened, or is not a database.
    """
    connection: sqlite3.Connection = library().connect(
        path, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("delete",):
            connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_memory(path: str) -> tuple[sqlite3.Connection, bool]:
    """A database in memory, with what is in the file as far as that can be read.

    Returns:
        The connection, and whether it holds what the file held: True, too, where there is none.
    """
    sql = library()
    connection: sqlite3.Connection = sql.connect(_MEMORY, isolation_level=None)
    from pathlib import Path  # noqa: PLC0415 - this way of starting is rare

    if not Path(path).exists():
        return connection, True
    try:
        source: sqlite3.Connection = sql.connect(
            Path(path).absolute().as_uri() + "?mode=ro", uri=True, timeout=BUSY_SECONDS
        )
    except sql.Error:
        return connection, False
    try:
        source.backup(connection)
    except sql.Error:
        connection.close()
        connection = sql.connect(_MEMORY, isolation_level=None)
        return connection, False
    finally:
        source.close()
    return connection, True


def trouble(error: BaseException) -> Trouble:
    """What an error of either library is about."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _TROUBLES.get(code & 0xFF, Trouble.OTHER)
    text = str(error)
    for fragment, meaning in _TEXTS.items():
        if fragment in text:
            return meaning
    return Trouble.OTHER


# For a library that does not tell its codes.
_TEXTS: Final = {
    "no such": Trouble.STATEMENT,
    "constraint": Trouble.STATEMENT,
    "not a database": Trouble.CONTENT,
    "malformed": Trouble.CONTENT,
    "disk is full": Trouble.MEDIUM,
    "readonly": Trouble.MEDIUM,
    "disk I/O": Trouble.MEDIUM,
    "unable to open": Trouble.MEDIUM,
    "locked": Trouble.BUSY,
}
