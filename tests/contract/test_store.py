"""What every `Store` does (docs/contract/apps.md 7.4). There is no fake: SQLite is fast enough."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reagent.adapters.sqlite.store import open_store
from reagent.contracts.store import Store
from reagent.errors import RecordNotFound, StoreFailed
from reagent.model.app import App, AppKey, Login, State, WantedApp


class _Clock:
    def __init__(self) -> None:
        self.stamp = "2031-05-06T09:08:09+02:00"

    def monotonic(self) -> float:
        return 0.0

    def now(self) -> float:
        return 0.0

    def rfc3339(self) -> str:
        return self.stamp

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    def random(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: _Clock) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "reagent.db", clock) as opened:
        yield opened


VISION = AppKey(77, "PROD")


def app(**changes: object) -> App:
    made = App(
        app_key=77,
        app_name="Vision",
        stage="PROD",
        state=State.PRESENT,
        target=State.RUNNING,
        version="1.0.0",
        release_key=900,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


WANTED = WantedApp(
    app_key=77,
    app_name="Vision",
    stage="PROD",
    target="RUNNING",
    current="PRESENT",
    requestor_account_key=501,
    device_owner_account_key=711,
    release_key=900,
    new_release_key=901,
    version="1.3.0",
    present_version="1.2.0",
    newest_version="1.3.0",
    request_update=True,
    environment={"MODE": {"value": "fast"}, "LIMIT": {"value": 1_000_000}},
    environment_template={"LEVEL": {"defaultValue": "info"}},
    ports=[{"port": 8080, "active": True}],
    docker_compose={"services": {"app": {"image": "x:1"}}},
    new_docker_compose={"services": {"app": {"image": "x:2"}}},
    instance_key=5,
    app_cred_epoch=2,
)


async def test_an_unknown_app_is_none_and_no_error(store: Store) -> None:
    found = await store.app(VISION)

    assert found is None


async def test_the_first_save_of_an_app_inserts_it_and_answers_the_timestamp(
    store: Store, clock: _Clock
) -> None:
    stamp = await store.save_app(app())

    row = await store.app(VISION)
    assert stamp == clock.stamp
    assert row is not None
    assert (row.app_name, row.state, row.version, row.release_key, row.timestamp) == (
        "Vision",
        State.PRESENT,
        "1.0.0",
        900,
        clock.stamp,
    )
    assert row.target is None


async def test_saving_the_same_again_answers_an_empty_timestamp(store: Store) -> None:
    await store.save_app(app())

    stamp = await store.save_app(app())

    assert stamp == ""


@pytest.mark.parametrize(
    "change", [{"state": State.RUNNING}, {"version": "1.0.1"}, {"release_key": 901}]
)
async def test_a_changed_state_version_or_release_is_an_update(
    store: Store, clock: _Clock, change: dict[str, object]
) -> None:
    await store.save_app(app())
    first, clock.stamp = clock.stamp, "2031-05-06T10:00:00+02:00"

    stamp = await store.save_app(app(**change))

    row = await store.app(VISION)
    assert stamp == "2031-05-06T10:00:00+02:00"
    assert row is not None
    assert {name: getattr(row, name) for name in change} == change
    assert row.timestamp == first


async def test_an_update_is_mirrored_into_the_requested_row(store: Store) -> None:
    await store.save_app(app())
    await store.save_wanted(WANTED)

    await store.save_app(
        app(state=State.RUNNING, target=State.PRESENT, version="2.0.0", release_key=902)
    )

    wanted = await store.wanted(VISION)
    assert wanted == replace(
        WANTED, current="RUNNING", target="PRESENT", present_version="2.0.0", release_key=902
    )


async def test_an_insert_is_not_mirrored(store: Store) -> None:
    await store.save_wanted(WANTED)

    await store.save_app(app(state=State.FAILED))

    assert await store.wanted(VISION) == WANTED


async def test_a_row_says_who_asked_for_what_where_somebody_did(store: Store) -> None:
    await store.save_app(app())
    await store.save_wanted(WANTED)

    row = await store.app(VISION)

    assert row is not None
    assert (row.target, row.requestor_account_key, row.request_update) == (State.RUNNING, 501, True)
    assert await store.apps() == [row]


async def test_a_requested_state_comes_back_as_it_was_given(store: Store) -> None:
    await store.save_wanted(WANTED)

    found = await store.wanted(VISION)

    assert found == WANTED
    assert await store.all_wanted() == [WANTED]


async def test_a_conflict_overwrites_and_leaves_one_row(store: Store) -> None:
    await store.save_wanted(WANTED)
    changed = replace(
        WANTED,
        target="PRESENT",
        requestor_account_key=99,
        version="1.4.0",
        environment=None,
        docker_compose=None,
        ports=[],
    )

    await store.save_wanted(changed)

    assert await store.all_wanted() == [changed]


@pytest.mark.parametrize(("given", "kept"), [(0, 711), (999, 999)])
async def test_an_owner_that_is_not_said_stays(store: Store, given: int, kept: int) -> None:
    await store.save_wanted(WANTED)

    await store.save_wanted(replace(WANTED, device_owner_account_key=given))

    found = await store.wanted(VISION)
    assert found.device_owner_account_key == kept


async def test_what_only_a_push_brings_outlives_a_sync_that_does_not_say_it(store: Store) -> None:
    await store.save_wanted(WANTED)

    await store.save_wanted(replace(WANTED, app_cred_epoch=0, instance_key=0, version=""))

    assert await store.wanted(VISION) == WANTED


async def test_registry_logins_are_remembered_until_the_app_is_forgotten(store: Store) -> None:
    logins = {"ghcr.example": Login("bot", "pw")}
    await store.save_wanted(replace(WANTED, docker_credentials=logins))

    await store.save_wanted(WANTED)
    remembered = await store.wanted(VISION)
    await store.delete_wanted(VISION)
    await store.save_wanted(WANTED)
    forgotten = await store.wanted(VISION)

    assert remembered.docker_credentials == logins
    assert forgotten.docker_credentials is None


async def test_absent_and_empty_stay_apart(store: Store) -> None:
    bare = WantedApp(app_key=1, app_name="a", stage="DEV", target="BUILT", current="REMOVED")
    await store.save_wanted(bare)
    await store.save_wanted(replace(bare, app_key=2, docker_compose={}, environment={}, ports=[]))

    absent = await store.wanted(AppKey(1, "DEV"))
    empty = await store.wanted(AppKey(2, "DEV"))

    assert (absent.docker_compose, absent.environment, absent.ports) == (None, None, None)
    assert (empty.docker_compose, empty.environment, empty.ports) == ({}, {}, [])


async def test_a_renamed_app_keeps_one_row_under_its_new_name(store: Store) -> None:
    await store.save_app(app())
    await store.save_wanted(WANTED)

    await store.save_wanted(replace(WANTED, app_name="Sight"))
    stamp = await store.save_app(app(app_name="Sight"))

    assert stamp == ""
    assert [wanted.app_name for wanted in await store.all_wanted()] == ["Sight"]
    assert [row.app_name for row in await store.apps()] == ["Sight"]


async def test_stages_of_one_key_are_two_apps(store: Store) -> None:
    await store.save_app(app())
    await store.save_app(app(stage="DEV", state=State.BUILT))

    await store.delete_app(VISION)

    assert await store.app(VISION) is None
    assert (await store.apps())[0].stage == "DEV"


async def test_a_missing_requested_state_is_an_error_that_says_so(store: Store) -> None:
    with pytest.raises(RecordNotFound, match="no requested state found"):
        await store.wanted(VISION)


async def test_deleting_what_is_not_there_is_fine(store: Store) -> None:
    await store.delete_app(VISION)
    await store.delete_wanted(VISION)

    assert await store.apps() == []


@pytest.mark.parametrize(
    "change",
    [
        {"current": ""},
        {"target": ""},
        {"target": "STOPPED"},
        {"current": "DANCING"},
        {"stage": "TEST"},
        {"app_key": 2**64 - 1},
    ],
)
async def test_words_and_numbers_that_no_agent_can_read_are_refused(
    store: Store, change: dict[str, object]
) -> None:
    with pytest.raises(StoreFailed):
        await store.save_wanted(replace(WANTED, **change))  # type: ignore[arg-type]

    assert await store.all_wanted() == []


async def test_every_state_but_stopped_can_be_stored(store: Store) -> None:
    for state in State:
        if state is not State.STOPPED:
            await store.save_app(app(state=state))
            await store.save_wanted(replace(WANTED, target=state, current=state))

    with pytest.raises(StoreFailed, match="CHECK"):
        await store.save_app(app(state=State.STOPPED))


async def test_a_log_is_stored_overwritten_and_cleared(store: Store) -> None:
    await store.save_log_history(VISION, "vision", ["one", 'tw"o\n'])
    first = await store.log_history(VISION)
    await store.save_log_history(VISION, "vision", ["three"])
    second = await store.log_history(VISION)
    await store.clear_log_history(VISION)
    third = await store.log_history(VISION)

    assert (first, second, third) == (["one", 'tw"o\n'], ["three"], [])


async def test_a_missing_log_is_an_error_that_says_so(store: Store) -> None:
    with pytest.raises(RecordNotFound, match="no logs found"):
        await store.log_history(VISION)


async def test_saves_at_the_same_time_all_arrive(store: Store) -> None:
    async with asyncio.TaskGroup() as tasks:
        for key in range(50):
            tasks.create_task(store.save_app(app(app_key=key, app_name=f"app{key}")))

    assert [row.app_key for row in await store.apps()] == list(range(50))


async def test_a_record_that_changes_while_it_is_saved_is_saved_as_it_was(store: Store) -> None:
    record = app()

    saving = asyncio.create_task(store.save_app(record))
    await asyncio.sleep(0)
    record.state = State.RUNNING
    await saving

    row = await store.app(VISION)
    assert row is not None
    assert row.state is State.PRESENT


async def test_a_closed_store_refuses_and_closes_twice(store: Store) -> None:
    await store.close()
    await store.close()

    with pytest.raises(StoreFailed, match="closed"):
        await store.apps()


async def test_proving_writes_to_the_disk_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    await store.prove()
    await store.prove()

    with sqlite3.connect(tmp_path / "reagent.db") as other:
        found = other.execute("SELECT count(*) FROM DeviceStateHistory").fetchone()
    other.close()
    assert found == (0,)


async def test_a_database_in_memory_proves_nothing(tmp_path: Path, clock: _Clock) -> None:
    (tmp_path / "file").write_text("in the way")

    async with open_store(tmp_path / "file" / "reagent.db", clock) as store:
        with pytest.raises(StoreFailed):
            await store.prove()
