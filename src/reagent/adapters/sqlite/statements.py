# ruff: noqa: S608 - SQL is put together from names that stand in this folder, never from input
"""The statements: what is read and written of apps (docs/contract/apps.md 7.4).

Functions of a connection, run in the store's thread; the writing ones inside a transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reagent.adapters.sqlite import rows
from reagent.contracts.store import AppRow
from reagent.model.app import App, AppKey, WantedApp

if TYPE_CHECKING:
    import sqlite3

_WANTED: Final = f"SELECT {', '.join(rows.WANTED_COLUMNS)} FROM RequestedAppStates"
_APPS: Final = f"SELECT {', '.join(rows.APP_COLUMNS)} FROM AppStates"
_OF_APP: Final = "WHERE app_key = ? AND stage = ?"
_INSERT_WANTED: Final = (
    f"INSERT INTO RequestedAppStates ({', '.join(rows.WANTED_COLUMNS)})"
    f" VALUES ({', '.join(f':{column}' for column in rows.WANTED_COLUMNS)})"
)
# What a payload does not say leaves what is stored; the timestamp is of the first request.
_ONLY_WHERE_SAID: Final = {
    "version": "''",
    "device_owner_account_key": "0",
    "app_cred_epoch": "0",
    "instance_key": "0",
}
_UPDATE_WANTED: Final = (
    "UPDATE RequestedAppStates SET "
    + ", ".join(
        f"{column} = COALESCE(NULLIF(:{column}, {_ONLY_WHERE_SAID[column]}), {column})"
        if column in _ONLY_WHERE_SAID
        else f"{column} = :{column}"
        for column in rows.WANTED_COLUMNS
        if column != "timestamp"
    )
    + " WHERE id = :id"
)
# Compiles only if every table and column that is used is there.
PROBE: Final = (
    f"SELECT 1 FROM ({_WANTED} LIMIT 0), ({_APPS} LIMIT 0),"
    " (SELECT id, app_name, app_key, release_key, version, stage, state, timestamp"
    " FROM AppStateHistory LIMIT 0),"
    " (SELECT id, app_name, app_key, stage, log_type, log FROM LogHistory LIMIT 0)"
)


def read_wanted(connection: sqlite3.Connection, app: AppKey) -> WantedApp | None:
    """One requested state, None when there is none."""
    row = connection.execute(
        f"{_WANTED} {_OF_APP} ORDER BY id DESC LIMIT 1", (app.key, app.stage)
    ).fetchone()
    return None if row is None else rows.wanted_app(row)


def read_all_wanted(connection: sqlite3.Connection) -> list[WantedApp]:
    """Every requested state."""
    found = map(rows.wanted_app, connection.execute(f"{_WANTED} ORDER BY id"))
    # The last row of a key and stage counts, where an older agent left more than one.
    return list({wanted.id: wanted for wanted in found}.values())


def read_app(connection: sqlite3.Connection, app: AppKey) -> AppRow | None:
    """One app's row, None when there is none."""
    row = connection.execute(
        f"{_APPS} {_OF_APP} ORDER BY id DESC LIMIT 1", (app.key, app.stage)
    ).fetchone()
    return None if row is None else rows.app_row(row, read_wanted(connection, app))


def read_apps(connection: sqlite3.Connection) -> list[AppRow]:
    """Every app's row."""
    wanted = {each.id: each for each in read_all_wanted(connection)}
    found = (
        rows.app_row(row, wanted.get(AppKey(row[1], row[3])))
        for row in connection.execute(f"{_APPS} ORDER BY id").fetchall()
    )
    return list({row.id: row for row in found}.values())


def save_app(connection: sqlite3.Connection, app: App, now: str) -> str:
    """Insert, or update with history and mirror; empty when nothing changed, else `now`."""
    kept = _only_row(connection, "AppStates", app.id, app.app_name)
    new = (str(app.state), app.version, app.release_key)
    if kept is None:
        connection.execute(
            "INSERT INTO AppStates"
            " (app_name, app_key, stage, state, version, release_key, timestamp)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (app.app_name, app.app_key, app.stage, *new, now),
        )
        return now
    old = connection.execute(
        "SELECT state, version, release_key, app_name FROM AppStates WHERE id = ?", (kept,)
    ).fetchone()
    if old == (*new, app.app_name):
        return ""
    connection.execute(
        "UPDATE AppStates SET app_name = ?, state = ?, version = ?, release_key = ? WHERE id = ?",
        (app.app_name, *new, kept),
    )
    if old[:3] == new:
        return ""
    connection.execute(
        "INSERT INTO AppStateHistory"
        " (app_name, app_key, stage, state, version, release_key, timestamp)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (app.app_name, app.app_key, app.stage, old[0], app.version, app.release_key, now),
    )
    connection.execute(
        "UPDATE RequestedAppStates SET current_state = ?, manually_requested_state = ?,"
        f" present_version = ?, release_key = ? {_OF_APP}",
        (str(app.state), str(app.target), app.version, app.release_key, app.app_key, app.stage),
    )
    return now


def save_wanted(connection: sqlite3.Connection, wanted: WantedApp, now: str) -> None:
    """Insert, or overwrite what the payload says."""
    columns = rows.wanted_columns(wanted, now)
    kept = _only_row(connection, "RequestedAppStates", wanted.id, wanted.app_name)
    if kept is None:
        connection.execute(_INSERT_WANTED, columns)
    else:
        connection.execute(_UPDATE_WANTED, {**columns, "id": kept})


def _only_row(connection: sqlite3.Connection, table: str, app: AppKey, app_name: str) -> int | None:
    """The id of the row of a key and stage; what a rename left beside it is deleted (Q-27)."""
    found = connection.execute(
        f"SELECT id FROM {table} {_OF_APP} ORDER BY app_name = ? DESC, id DESC",
        (app.key, app.stage, app_name),
    ).fetchall()
    for (stale,) in found[1:]:
        connection.execute(f"DELETE FROM {table} WHERE id = ?", (stale,))
    return found[0][0] if found else None


def save_log(connection: sqlite3.Connection, app: AppKey, app_name: str, text: str) -> None:
    """Put a log under type APP, and then on every type of that app and stage."""
    connection.execute(
        "INSERT INTO LogHistory (app_name, app_key, stage, log_type, log)"
        " VALUES (?, ?, ?, 'APP', ?) ON CONFLICT DO NOTHING",
        (app_name, app.key, app.stage, text),
    )
    set_logs(connection, app, text)


def set_logs(connection: sqlite3.Connection, app: AppKey, text: str) -> None:
    """Put the same text on every type of that app and stage."""
    connection.execute(
        f"UPDATE LogHistory SET log = ? {_OF_APP}",
        (text, app.key, app.stage),
    )


def delete_app(connection: sqlite3.Connection, app: AppKey) -> None:
    """Forget the AppStates row."""
    connection.execute(f"DELETE FROM AppStates {_OF_APP}", (app.key, app.stage))


def delete_wanted(connection: sqlite3.Connection, app: AppKey) -> None:
    """Forget the requested state."""
    connection.execute(f"DELETE FROM RequestedAppStates {_OF_APP}", (app.key, app.stage))


def read_log(connection: sqlite3.Connection, app: AppKey) -> list[str] | None:
    """The stored lines, None when there is no row of any type."""
    row = connection.execute(
        f"SELECT log FROM LogHistory {_OF_APP} ORDER BY id LIMIT 1", (app.key, app.stage)
    ).fetchone()
    return None if row is None else rows.lines(row[0])


def write_and_take_back(connection: sqlite3.Connection, now: str) -> None:
    """A row that nobody reads; what the transaction leaves behind is that it went to the disk."""
    row = connection.execute(
        "INSERT INTO DeviceStateHistory (interface_type, device_status, timestamp)"
        " VALUES ('NONE', 'CONNECTED', ?)",
        (now,),
    ).lastrowid
    connection.execute("DELETE FROM DeviceStateHistory WHERE id = ?", (row,))
