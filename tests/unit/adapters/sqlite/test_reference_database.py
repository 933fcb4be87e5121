"""Both directions: we open what older agents wrote, and they go on with what we wrote."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest

from reagent.adapters.sqlite.store import open_store
from reagent.contracts.clock import Clock
from reagent.model.app import App, AppKey, State, WantedApp

_SCRIPTS = Path(__file__).parents[3] / "data" / "reference-db"
_LATE = (
    "device_owner_account_key",
    "docker_compose",
    "env_template",
    "new-docker_compose",
    "ports",
)
_EVERY_SUBSET = [
    subset for size in range(len(_LATE) + 1) for subset in itertools.combinations(_LATE, size)
]


def _run(connection: sqlite3.Connection, script: str) -> None:
    """As the agents before us do: split at `;` and newline; `single-` scripts may fail."""
    for statement in (_SCRIPTS / script).read_text().split(";\n"):
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if not script.startswith("single-") or "duplicate column" not in str(error):
                raise


def old_database(path: Path, late: tuple[str, ...]) -> None:
    connection = sqlite3.connect(path)
    with connection:
        _run(connection, "old-init-script.sql")
        for column in late:
            _run(connection, f"single-{column}-col.sql")
        _run(connection, "rows.sql")
    connection.close()


@pytest.mark.parametrize("late", _EVERY_SUBSET, ids="+".join)
async def test_an_old_file_with_any_of_the_late_columns_opens(
    path: Path, clock: Clock, late: tuple[str, ...]
) -> None:
    old_database(path, late)

    async with open_store(path, clock) as store:
        rows = await store.apps()
        vision = await store.wanted(AppKey(77, "PROD"))
        workbench = await store.wanted(AppKey(12, "DEV"))
        logs = await store.log_history(AppKey(77, "PROD"))

    assert [(row.app_name, row.state) for row in rows] == [
        ("Vision", State.RUNNING),
        ("workbench", State.PRESENT),
        ("inherited", State.REMOVED),
    ]
    assert vision == WantedApp(
        app_key=77,
        app_name="Vision",
        stage="PROD",
        target="RUNNING",
        current="RUNNING",
        requestor_account_key=501,
        release_key=900,
        new_release_key=901,
        version="1.2.0",
        present_version="1.2.0",
        newest_version="1.3.0",
        request_update=True,
        environment={
            "LIMIT": {"value": 1_000_000},
            "RATE": {"value": 1_000_000},
            "MODE": {"value": "fast"},
        },
    )
    assert workbench == WantedApp(
        app_key=12,
        app_name="workbench",
        stage="DEV",
        target="BUILT",
        current="PRESENT",
        requestor_account_key=501,
    )
    assert logs == ["one", "two"]


async def test_whole_numbers_stay_integers_however_an_older_agent_wrote_them(
    path: Path, clock: Clock
) -> None:
    old_database(path, ())

    async with open_store(path, clock) as store:
        vision = await store.wanted(AppKey(77, "PROD"))

    assert vision.environment is not None
    values = [entry["value"] for entry in vision.environment.values() if isinstance(entry, dict)]
    assert [type(value) for value in values] == [int, int, str]


@pytest.mark.parametrize("begun_by", ["us", "them"])
async def test_an_older_agent_goes_on_with_what_we_wrote(
    path: Path, clock: Clock, begun_by: str
) -> None:
    if begun_by == "them":
        old_database(path, ("ports",))
    async with open_store(path, clock) as store:
        await store.save_wanted(
            WantedApp(
                app_key=5,
                app_name="ours",
                stage="PROD",
                target="RUNNING",
                current="PRESENT",
                ports=[{"port": 1}],
                app_cred_epoch=4,
            )
        )
        ours = App(
            app_key=5, app_name="ours", stage="PROD", state=State.PRESENT, target=State.RUNNING
        )
        await store.save_app(ours)
        ours.state = State.RUNNING
        await store.save_app(ours)
        await store.save_log_history(AppKey(5, "PROD"), "ours", ["line"])

    connection = sqlite3.connect(path)
    with connection:
        for script in sorted(each.name for each in _SCRIPTS.glob("*.sql")):
            if script not in {"rows.sql", "old-init-script.sql"}:
                _run(connection, script)
        requested = connection.execute(
            "SELECT id, app_name, app_key, stage, version, present_version, newest_version,"
            " environment_variables, environment_template, ports, docker_compose,"
            " new_docker_compose, release_key, new_release_key, request_update, current_state,"
            " manually_requested_state, requestor_account_key, device_owner_account_key, timestamp"
            " FROM RequestedAppStates WHERE app_key = 5 AND stage = 'PROD'"
        ).fetchone()
        state = connection.execute(
            "SELECT state, timestamp FROM AppStates WHERE app_key = 5"
        ).fetchone()
        history = connection.execute(
            "SELECT state, version FROM AppStateHistory WHERE app_key = 5"
        ).fetchall()
        connection.execute(
            "INSERT INTO RequestedAppStates (app_name, app_key, stage, version, present_version,"
            " newest_version, environment_variables, environment_template, ports, docker_compose,"
            " new_docker_compose, release_key, new_release_key, request_update, current_state,"
            " manually_requested_state, requestor_account_key, device_owner_account_key, timestamp)"
            " VALUES ('theirs', 6, 'PROD', '', '', '', 'null', 'null', 'null', 'null', 'null',"
            " 0, 0, 0, 'PRESENT', 'RUNNING', 1, 0, '2031-05-06T09:08:09+02:00')"
            " ON CONFLICT (app_name, app_key, stage) DO UPDATE SET current_state = 'PRESENT'"
        )
    connection.close()

    assert requested[1:] == (
        "ours", 5, "PROD", "", "", "", "null", "null", '[{"port":1}]', "null", "null",
        0, 0, 0, "RUNNING", "RUNNING", 0, 0, "2031-05-06T09:08:09+02:00",
    )  # fmt: skip
    assert state == ("RUNNING", "2031-05-06T09:08:09+02:00")
    assert history == [("PRESENT", "")]
    async with open_store(path, clock) as store:
        assert (await store.wanted(AppKey(6, "PROD"))).app_cred_epoch == 0
        assert (await store.wanted(AppKey(5, "PROD"))).app_cred_epoch == 4
