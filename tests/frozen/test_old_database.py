"""A device that ran an older agent: its database is opened, and goes back (apps.md 7)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from tests.frozen.steps import AppOf, online

SCRIPTS = Path(__file__).parents[1] / "data" / "reference-db"
LATE = [path.name for path in sorted(SCRIPTS.glob("single-*.sql"))]

pytestmark = pytest.mark.timeout(60)


def run(connection: sqlite3.Connection, script: str) -> None:
    """As the agents before us do: split at `;` and newline; `single-` scripts may fail."""
    for statement in (SCRIPTS / script).read_text("utf-8").split(";\n"):
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if not script.startswith("single-") or "duplicate column" not in str(error):
                raise


def left_by_an_older_agent(file: Path, scripts: list[str]) -> None:
    file.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(file)
    with connection:
        for script in [*scripts, "rows.sql"]:
            run(connection, script)
    connection.close()


@pytest.mark.parametrize(
    "scripts", [["old-init-script.sql"], ["init-script.sql", *LATE]], ids=["oldest", "newest"]
)
async def test_what_an_older_agent_stored_runs_on(
    cloud: Cloud,
    device: Device,
    engine: OwnEngine | GivenEngine,
    system: Caller,
    scripts: list[str],
) -> None:
    left_by_an_older_agent(device.database, scripts)
    # The older agent was told to update it, and did not come to it.
    app = AppOf(cloud, device, 77, "Vision", version="1.3.0")
    app.push()
    with engine.client() as client:
        assert client.containers.list(all=True) == []
    # No answer about wanted apps: what is stored is what counts.
    cloud.backend.fail("reswarm.containers.get_requested_app_states", times=-1)

    await online(cloud, device)
    await app.reached("RUNNING")
    with engine.client() as client:
        env = client.containers.get("prod_77_vision").attrs["Config"]["Env"]
    await device.stop()

    assert {"LIMIT=1000000", "RATE=1000000", "MODE=fast"} <= set(env)
    # And back: the older agent runs its scripts and reads its rows.
    connection = sqlite3.connect(device.database)
    with connection:
        for script in ["init-script.sql", *LATE]:
            run(connection, script)
    states = connection.execute(
        "SELECT app_name, app_key, version, stage, state FROM AppStates WHERE app_key = 77"
    ).fetchall()
    (target,) = connection.execute(
        "SELECT manually_requested_state FROM RequestedAppStates WHERE app_key = 77"
    ).fetchone()
    connection.close()
    assert states == [("Vision", 77, "1.3.0", "PROD", "RUNNING")]
    assert target == "RUNNING"
    beside = {path.name for path in device.database.parent.glob("reagent.db*")}
    assert beside == {"reagent.db"}


async def test_rows_nobody_wants_any_more_go_with_the_first_list(
    cloud: Cloud, device: Device, engine: OwnEngine | GivenEngine
) -> None:
    left_by_an_older_agent(device.database, ["init-script.sql"])

    await online(cloud, device)
    await device.stop()

    connection = sqlite3.connect(device.database)
    counts = [
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("AppStates", "RequestedAppStates")
    ]
    connection.close()
    assert counts == [0, 0]


async def test_a_database_that_is_no_database_is_put_aside(cloud: Cloud, device: Device) -> None:
    device.database.write_bytes(b"this is no database at all" * 1000)

    await online(cloud, device)
    await device.stop()

    kept = [p for p in device.database.parent.iterdir() if "broken" in p.name]
    assert [path.read_bytes()[:12] for path in kept] == [b"this is no d"]
