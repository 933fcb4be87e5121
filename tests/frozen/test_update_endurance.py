"""Versions that are bad in a way that shows late or nowhere, and a device that is updated for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from sandbox import packages
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.reaper import children
from sandbox.variants import Broken
from tests.frozen.steps import until
from tests.frozen.updating import Press, Unit, started
from tests.proof import parts
from tests.proof.record import Record

ROUNDS = 100 if parts.ALL else 4
BAD = "1.1.0"
LONG_SOAK_S = 60.0
# A descriptor may be open for a moment at any time.
MOMENTARY = 3

pytestmark = pytest.mark.timeout(2 * 3600 if parts.ALL else 300)


async def knows_what_it_can_do(unit: Unit) -> None:
    """Only what the proven version could do here is asked of the next one."""

    def known() -> bool:
        baseline = unit.state.get("baseline")
        return isinstance(baseline, dict) and {"staged", "fetched"} <= baseline.keys()

    await until(known, within=60.0)


@pytest.mark.parametrize(
    ("broken", "soak"),
    [
        pytest.param(Broken.DIES_LATER, LONG_SOAK_S, id="dies after its proof"),
        pytest.param(Broken.LAUNCHER, 0.5, id="its launcher is broken"),
        pytest.param(Broken.UPDATER, 0.5, id="its updater is broken"),
    ],
)
async def test_a_version_that_is_bad_where_it_hardly_shows_is_never_committed(
    cloud: Cloud, program: Program, user: Caller, broken: Broken, soak: float
) -> None:
    press, unit = Press.of(cloud, program), Unit(cloud, program, proof=5.0, soak=soak)
    press.release(program.version)
    await started(unit)
    await knows_what_it_can_do(unit)

    press.release(BAD, broken)
    await user.ask(unit.device.identity, "update_agent")
    await unit.until("the candidate is CONNECTED", reported=BAD)
    await unit.on(program.version, blocked=[BAD], within=120.0)

    assert unit.named("previous") == unit.named("latest") == program.version
    assert f'"committed", "version": "{BAD}"' not in unit.device.log.read_text(encoding="utf-8")


async def test_a_version_that_raised_the_databases_schema_is_rolled_back_and_nothing_is_lost(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    press, unit = Press.of(cloud, program), Unit(cloud, program, proof=4.0)
    press.release(program.version)
    await started(unit)
    before = tables(unit.device.database)

    press.release(BAD, Broken.RAISES_SCHEMA)
    await user.ask(unit.device.identity, "update_agent")
    await unit.on(program.version, blocked=[BAD], within=60.0)

    after = tables(unit.device.database)
    assert after.keys() == before.keys() | {"t"}
    assert all(after[name] >= rows for name, rows in before.items())
    assert after["user_version"] == 99
    # Nothing was put aside as damaged.
    beside = {each.name for each in unit.device.database.parent.glob("reagent.db*")}
    assert beside <= {"reagent.db", "reagent.db-wal", "reagent.db-shm"}


def tables(database: Path) -> dict[str, int]:
    """How many rows each table has, and the number of the schema."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
        }
        return rows | {"user_version": connection.execute("PRAGMA user_version").fetchone()[0]}


async def test_updates_and_rollbacks_with_kills_leave_no_file_no_link_and_no_descriptor(
    cloud: Cloud, program: Program, user: Caller, dice: random.Random
) -> None:
    """A hundred of them in `nox -s proof`."""
    press, unit = Press.of(cloud, program), Unit(cloud, program, soak=0.3)
    press.release(program.version)
    await started(unit)
    before, there = descriptors(unit), names(unit)
    did: Counter[str] = Counter()

    for number in range(1, ROUNDS + 1):
        version = ".".join(f"{100 + number}")
        press.release(version)
        with contextlib.suppress(Exception):  # the agent may be on its way already
            await user.ask(unit.device.identity, "update_agent")
        if dice.random() < 0.5:
            await asyncio.sleep(dice.random() * 3)
            await unit.device.kill_tree()
            did["killed"] += 1
            await started(unit)
        await unit.on(version, within=90.0)
        did["updated"] += 1
        if number % 2 == 0:
            before_that = unit.named("previous")
            await ordered_back(unit)
            await unit.on(before_that, blocked=[version], within=90.0)
            did["rolled back"] += 1

    await unit.device.stop()
    await started(unit)
    await until(lambda: len(versions(unit)) <= 2, within=60.0)
    after = descriptors(unit)
    print(f"{dict(did)}; descriptors {before} before, {after} after")
    if parts.ALL:
        Record.of(parts.ENDURANCE, program.executable).say(
            rounds=ROUNDS, **did, descriptors=[before, after], versions=len(versions(unit))
        )
    assert after <= before + MOMENTARY
    assert names(unit) - there <= {"updates.json"}
    assert list((unit.folder / "downloads").iterdir()) == []
    assert len(unit.state["blocked"]) <= 16  # type: ignore[arg-type]


async def ordered_back(unit: Unit) -> None:
    """As a person does, typing at the device."""
    process = await asyncio.create_subprocess_exec(
        str(unit.device.flashed.active), "update", "rollback", f"-agentDir={unit.folder}",
        env=unit.device.variables, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0


def versions(unit: Unit) -> set[str]:
    return {each.name for each in unit.folder.iterdir() if each.name.startswith("reagent-v")}


def names(unit: Unit) -> set[str]:
    """Everything in its folder but versions."""
    return {each.name for each in unit.folder.iterdir()} - versions(unit)


def descriptors(unit: Unit) -> int:
    return len(list(Path(f"/proc/{unit.device.pid}/fd").iterdir()))


async def test_as_the_first_process_of_a_container_it_updates_itself_and_leaves_no_zombie(
    cloud: Cloud, program: Program
) -> None:
    """Nobody above it reaps what a trial leaves, and nobody starts it again."""
    unshare = packages.program("unshare")
    if unshare is None or os.geteuid():
        pytest.skip("takes root and unshare")
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    press.release("1.1.0")
    unit.device.prefix = (unshare, "--pid", "--fork", "--mount-proc", "--kill-child")

    await unit.device.start()
    await unit.until("it is updated", within=60.0, active="1.1.0", trial={}, reported="1.1.0")
    await until(lambda: unit.statuses[-1] == "CONNECTED")
    (first,) = [pid for pid in unit.device.leftovers() if namespaced(pid) == "1"]

    assert [pid for pid in children(first) if "State:\tZ" in status_of(pid)] == []
    assert unit.device.starts == 1


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def namespaced(pid: int) -> str:
    """Its number as it sees itself."""
    line = next(each for each in status_of(pid).splitlines() if each.startswith("NSpid:"))
    return line.split()[-1]
