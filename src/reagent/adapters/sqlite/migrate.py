"""Bringing a database of any age to the tables and columns this version needs.

Migrations are numbered files that only add tables and nullable columns, so that the previous
release and the agents before us open what we wrote. `PRAGMA user_version` holds the number of the
last one applied; older agents neither read nor change it. A higher number than we know is a newer
release's file: it holds all we need, and is used as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reagent import resources

if TYPE_CHECKING:  # the driver decides which library it is, when a database is opened
    import sqlite3

_FOLDER = "adapters/sqlite/migrations/"
_NUMBERED = re.compile(r"(\d{4})_\w+\.sql")
_ADD_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", re.IGNORECASE)


def shipped() -> Mapping[int, str]:
    """The migrations inside this executable: number to SQL text, in order."""
    found = {}
    for name in resources.names(_FOLDER):
        numbered = _NUMBERED.fullmatch(name.removeprefix(_FOLDER))
        if numbered:
            found[int(numbered[1])] = resources.read(name).decode()
    return found


def migrate(connection: sqlite3.Connection, migrations: Mapping[int, str]) -> None:
    """Apply what is missing, in one transaction: after a cut either all of it is there or none.

    Raises:
        sqlite3.Error: the database refused; nothing was changed.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    missing = [number for number in sorted(migrations) if number > version]
    if missing:
        _apply(connection, [migrations[number] for number in missing], missing[-1])


def repair(connection: sqlite3.Connection, migrations: Mapping[int, str]) -> None:
    """Apply everything again, for a file whose number promises what is not there.

    Raises:
        sqlite3.Error: the database refused; nothing was changed.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    ordered = [migrations[number] for number in sorted(migrations)]
    _apply(connection, ordered, max(version, *migrations))


def _apply(connection: sqlite3.Connection, scripts: list[str], version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in scripts:
            for statement in script.split(";\n"):
                if not _already_there(connection, statement):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _already_there(connection: sqlite3.Connection, statement: str) -> bool:
    added = _ADD_COLUMN.search(statement)
    if added is None:
        return False
    table, column = added.groups()
    columns = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
    return (column,) in columns
