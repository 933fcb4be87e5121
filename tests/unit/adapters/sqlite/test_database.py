"""A device comes online whatever state its disk is in."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reagent import log
from reagent.adapters.sqlite import migrate
from reagent.adapters.sqlite.store import SqliteStore, open_store
from reagent.contracts.clock import Clock
from reagent.errors import StoreFailed
from reagent.model.app import App, AppKey, State, WantedApp

Query = Callable[..., list[tuple[object, ...]]]


def _app(key: int = 1, state: State = State.PRESENT) -> App:
    return App(app_key=key, app_name="a", stage="PROD", state=state, target=State.RUNNING)


async def _kept_app(path: Path, clock: Clock) -> None:
    async with open_store(path, clock) as store:
        await store.save_app(_app())


def _errors(said: list[log.Entry]) -> list[str]:
    return [entry.message for entry in said if entry.level >= log.ERROR]


def _fill_up(store: SqliteStore) -> None:
    """Let the database grow no further, as on a full disk."""
    connection = store._database._connection

    def limit() -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    store._thread.submit(limit).result()


_LONG = ["x" * 4000] * 20


async def test_the_file_is_the_owners_alone_also_where_it_was_not(path: Path, clock: Clock) -> None:
    await _kept_app(path, clock)
    new = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o644)

    await _kept_app(path, clock)

    assert (new, stat.S_IMODE(path.stat().st_mode)) == (0o600, 0o600)


async def test_after_a_clean_end_it_is_one_file(path: Path, clock: Clock) -> None:
    await _kept_app(path, clock)

    assert [each.name for each in path.parent.iterdir()] == ["reagent.db"]


async def test_a_file_left_in_wal_mode_becomes_one_file(
    path: Path, clock: Clock, query: Query
) -> None:
    await _kept_app(path, clock)
    query("PRAGMA journal_mode = WAL")

    await _kept_app(path, clock)

    assert query("PRAGMA journal_mode") == [("delete",)]
    assert [each.name for each in path.parent.iterdir()] == ["reagent.db"]


async def test_a_newer_file_is_used_as_it_is(path: Path, clock: Clock, query: Query) -> None:
    await _kept_app(path, clock)
    query("PRAGMA user_version = 9000")
    query("ALTER TABLE AppStates ADD COLUMN mood TEXT")

    async with open_store(path, clock) as store:
        await store.save_app(_app(state=State.RUNNING))
        rows = await store.apps()

    assert [row.state for row in rows] == [State.RUNNING]
    assert query("PRAGMA user_version") == [(9000,)]


async def test_a_file_whose_number_promises_too_much_is_completed(
    path: Path, clock: Clock, query: Query
) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.close()

    await _kept_app(path, clock)

    assert query("SELECT state FROM AppStates") == [("PRESENT",)]


async def test_migrations_are_all_or_nothing(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    scripts = {1: "CREATE TABLE one (a);\n", 2: "CREATE TABLE two (a);\nCREATE TABLE one (a);\n"}

    with pytest.raises(sqlite3.OperationalError):
        migrate.migrate(connection, scripts)

    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert list(migrate.shipped()) == list(range(1, len(migrate.shipped()) + 1))


@pytest.mark.parametrize(
    "content",
    [b"\0" * 4096, b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 8000],
    ids=["zeros", "text", "header and rubbish"],
)
async def test_rubbish_is_put_aside_and_said(
    path: Path, clock: Clock, said: list[log.Entry], content: bytes
) -> None:
    path.write_bytes(content)

    await _kept_app(path, clock)
    path.write_bytes(content)
    await _kept_app(path, clock)

    assert (path.parent / "reagent.db.broken-1").read_bytes() == content
    assert (path.parent / "reagent.db.broken-2").read_bytes() == content
    assert sum("DAMAGED" in each for each in _errors(said)) == 2


async def test_a_damaged_page_is_noticed_before_it_is_needed(
    path: Path, clock: Clock, said: list[log.Entry]
) -> None:
    async with open_store(path, clock) as store:
        for key in range(200):
            await store.save_app(_app(key))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(content)

    async with open_store(path, clock) as store:
        found = await store.apps()

    assert found == []
    assert (path.parent / "reagent.db.broken-1").read_bytes() == content


async def test_somebody_elses_database_is_put_aside(path: Path, clock: Clock, query: Query) -> None:
    query("CREATE TABLE AppStates (recipe TEXT)")

    await _kept_app(path, clock)

    assert (path.parent / "reagent.db.broken-1").exists()
    assert query("SELECT state FROM AppStates") == [("PRESENT",)]


async def test_an_empty_file_is_a_new_database(
    path: Path, clock: Clock, said: list[log.Entry]
) -> None:
    path.touch()

    await _kept_app(path, clock)

    assert said == []


@pytest.mark.parametrize("kind", ["folder", "fifo"])
async def test_what_is_no_file_is_put_aside(path: Path, clock: Clock, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)

    await _kept_app(path, clock)

    assert path.is_file()
    assert (path.parent / "reagent.db.broken-1").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
async def test_a_device_is_left_where_it_is(
    path: Path, clock: Clock, said: list[log.Entry]
) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))  # /dev/full

    await _kept_app(path, clock)

    assert path.is_char_device()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert len(_errors(said)) == 1


async def test_where_no_file_can_be_made_it_works_in_memory_and_says_so(
    tmp_path: Path, clock: Clock, said: list[log.Entry]
) -> None:
    async with open_store(tmp_path / "missing" / "reagent.db", clock) as store:
        await store.save_app(_app())
        rows = await store.apps()
        in_memory = store.in_memory

    assert [row.state for row in rows] == [State.PRESENT]
    assert in_memory
    assert "memory only" in _errors(said)[0]


async def test_a_full_disk_moves_it_to_memory_with_all_it_held(
    path: Path, clock: Clock, said: list[log.Entry]
) -> None:
    async with open_store(path, clock) as store:
        await store.save_app(_app())
        _fill_up(store)
        await store.save_log_history(AppKey(1, "PROD"), "a", _LONG)
        await store.save_app(_app(state=State.RUNNING))
        rows = await store.apps()
        logs = await store.log_history(AppKey(1, "PROD"))
        moved = store.in_memory

    assert moved
    assert ([row.state for row in rows], logs) == ([State.RUNNING], _LONG)
    assert "memory only" in _errors(said)[0]


async def test_memory_is_written_back_at_the_end_where_that_works_again(
    path: Path, clock: Clock, query: Query
) -> None:
    async with open_store(path, clock) as store:
        await store.save_app(_app())
        _fill_up(store)
        await store.save_log_history(AppKey(1, "PROD"), "a", _LONG)
        before = query("SELECT * FROM LogHistory")

    assert before == []
    assert len(query("SELECT * FROM LogHistory")) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_memory_is_written_back_a_minute_later_at_the_next_write(
    path: Path, clock: Clock, query: Query
) -> None:
    async with open_store(path, clock) as store:
        _fill_up(store)
        await store.save_log_history(AppKey(1, "PROD"), "a", _LONG)
        await clock.sleep(61)
        await store.save_app(_app())

        assert not store.in_memory
        assert query("SELECT state FROM AppStates") == [("PRESENT",)]


async def test_a_refused_statement_is_no_reason_to_leave_the_file(
    path: Path, clock: Clock, query: Query
) -> None:
    bad = WantedApp(app_key=1, app_name="a", stage="PROD", target="RUNNING")

    async with open_store(path, clock) as store:
        with pytest.raises(StoreFailed, match="CHECK"):
            await store.save_wanted(bad)
        await store.save_app(_app())

        assert not store.in_memory

    assert query("SELECT state FROM AppStates") == [("PRESENT",)]


_CUT = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
for number in range(2000):
    connection.execute(
        "INSERT INTO AppStates (app_name, app_key, version, release_key, stage, state, timestamp)"
        " VALUES ('half', ?, '', 0, 'PROD', 'RUNNING', '')", (number,))
os._exit(9)
"""


async def test_a_cut_in_the_middle_of_a_transaction_leaves_what_was_before(
    path: Path, clock: Clock, said: list[log.Entry]
) -> None:
    await _kept_app(path, clock)
    subprocess.run([sys.executable, "-c", _CUT, str(path)], check=False, timeout=20)
    journal_left = path.with_name("reagent.db-journal").exists()

    async with open_store(path, clock) as store:
        rows = await store.apps()

    assert journal_left
    assert [row.app_name for row in rows] == ["a"]
    assert said == []
    assert [each.name for each in path.parent.iterdir()] == ["reagent.db"]


async def test_cancelling_the_opening_leaves_nothing_open(path: Path, clock: Clock) -> None:
    opening = asyncio.create_task(open_store(path, clock).__aenter__())
    await asyncio.sleep(0)
    opening.cancel()

    with pytest.raises(asyncio.CancelledError):
        await opening
