"""What the tables hold afterwards (docs/contract/apps.md 7.2, 7.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from reagent.adapters.sqlite.store import open_store
from reagent.contracts.clock import Clock
from reagent.model.app import App, AppKey, Login, State, WantedApp

Query = Callable[..., list[tuple[object, ...]]]

_WANTED = WantedApp(app_key=1, app_name="a", stage="PROD", target="RUNNING", current="PRESENT")


def _app(state: State, version: str = "1") -> App:
    return App(
        app_key=1,
        app_name="a",
        stage="PROD",
        state=state,
        target=State.RUNNING,
        version=version,
        release_key=7,
    )


async def test_a_new_file_has_every_table_and_one_device_row(
    path: Path, clock: Clock, query: Query
) -> None:
    async with open_store(path, clock):
        pass

    tables = query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    indexes = query("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    device = query("SELECT id, interface_type, device_status, timestamp FROM DeviceStates")
    assert {name for (name,) in tables} == {
        "AppStates",
        "AppStateHistory",
        "RequestedAppStates",
        "LogHistory",
        "DeviceStates",
        "DeviceStateHistory",
    }
    assert {name for (name,) in indexes} == {
        "app_states_unique",
        "requested_app_states_unique",
        "log_history_unique",
    }
    assert [row[:3] for row in device] == [(1, "NONE", "DISCONNECTED")]
    assert str(device[0][3]).isdigit()


async def test_the_device_row_is_seeded_once(path: Path, clock: Clock, query: Query) -> None:
    async with open_store(path, clock):
        pass
    query("UPDATE DeviceStates SET device_status = 'CONNECTED', timestamp = 'mine'")

    async with open_store(path, clock):
        pass

    assert query("SELECT device_status, timestamp FROM DeviceStates") == [("CONNECTED", "mine")]


async def test_history_holds_the_old_state_with_the_new_version(
    path: Path, clock: Clock, query: Query
) -> None:
    async with open_store(path, clock) as store:
        await store.save_app(_app(State.PRESENT))
        await store.save_app(_app(State.RUNNING, "2"))
        await store.save_app(_app(State.RUNNING, "2"))

    history = query(
        "SELECT app_name, app_key, stage, state, version, release_key, timestamp FROM AppStateHistory"
    )
    assert history == [("a", 1, "PROD", "PRESENT", "2", 7, clock.rfc3339())]


async def test_history_outlives_the_app(path: Path, clock: Clock, query: Query) -> None:
    async with open_store(path, clock) as store:
        await store.save_app(_app(State.PRESENT))
        await store.save_app(_app(State.REMOVED))
        await store.delete_app(AppKey(1, "PROD"))

    assert query("SELECT state FROM AppStateHistory") == [("PRESENT",)]
    assert query("SELECT * FROM AppStates") == []


async def test_a_conflict_keeps_the_first_timestamp(path: Path, clock: Clock, query: Query) -> None:
    async with open_store(path, clock) as store:
        await store.save_wanted(_WANTED)
        clock.stamp = "2099-01-01T00:00:00Z"  # type: ignore[attr-defined]
        await store.save_wanted(replace(_WANTED, target="PRESENT", version="3"))

    rows = query("SELECT manually_requested_state, version, timestamp FROM RequestedAppStates")
    assert rows == [("PRESENT", "3", "2031-05-06T09:08:09+02:00")]


async def test_rows_that_renames_left_behind_are_deleted(
    path: Path, clock: Clock, query: Query
) -> None:
    async with open_store(path, clock) as store:
        await store.save_wanted(_WANTED)
        await store.save_app(_app(State.PRESENT))
    for table in ("RequestedAppStates", "AppStates"):
        columns = "app_name, app_key, stage, release_key, version, timestamp"
        values = "'b', 1, 'PROD', 7, '1', ''"
        if table == "AppStates":
            query(f"INSERT INTO AppStates ({columns}, state) VALUES ({values}, 'FAILED')")
        else:
            query(
                f"INSERT INTO RequestedAppStates ({columns}, new_release_key, request_update,"
                " current_state, manually_requested_state, requestor_account_key)"
                f" VALUES ({values}, 0, 0, 'FAILED', 'FAILED', 0)"
            )

    async with open_store(path, clock) as store:
        newest = await store.app(AppKey(1, "PROD"))
        await store.save_wanted(replace(_WANTED, app_name="c"))
        await store.save_app(replace(_app(State.PRESENT), app_name="c"))

    assert newest is not None
    assert (newest.app_name, newest.target) == ("b", State.FAILED)
    assert query("SELECT app_name FROM RequestedAppStates") == [("c",)]
    assert query("SELECT app_name FROM AppStates") == [("c",)]


async def test_a_log_goes_to_every_type_of_its_app_and_stage_alone(
    path: Path, clock: Clock, query: Query
) -> None:
    async with open_store(path, clock) as store:
        await store.save_log_history(AppKey(1, "DEV"), "a", ["other"])
        await store.save_log_history(AppKey(1, "PROD"), "a", ["old"])
    query(
        "INSERT INTO LogHistory (app_name, app_key, stage, log_type, log) VALUES ('a', 1, 'PROD', 'PULL', '[]')"
    )

    async with open_store(path, clock) as store:
        await store.save_log_history(AppKey(1, "PROD"), "a", ["new"])

    assert query("SELECT stage, log_type, log FROM LogHistory ORDER BY id") == [
        ("DEV", "APP", '["other"]'),
        ("PROD", "APP", '["new"]'),
        ("PROD", "PULL", '["new"]'),
    ]


async def test_registry_passwords_never_reach_the_disk(path: Path, clock: Clock) -> None:
    async with open_store(path, clock) as store:
        await store.save_wanted(
            replace(_WANTED, docker_credentials={"ghcr.example": Login("bot", "hunter2hunter2")})
        )

    assert b"hunter2" not in path.read_bytes()
