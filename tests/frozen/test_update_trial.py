"""Before and during a trial: who asks, who waits, who writes, and who ends with whom."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import time
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.emulation import words_of
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from sandbox.variants import Broken
from tests.frozen.steps import AppOf, is_joined, sessions_of, until
from tests.frozen.updating import Press, Unit, started

NEW = "1.1.0"
# An order is followed within a minute; where nothing keeps the device busy, within seconds.
AT_ONCE_S = patient(6.0)
FROZEN_S = 6.0
LONG_S = 60.0

pytestmark = pytest.mark.timeout(150)


async def bring_on_trial(unit: Unit, press: Press, caller: Caller) -> None:
    """Bring it to where its candidate is CONNECTED, on a soak that does not end."""
    press.release(NEW)
    await caller.ask(unit.device.identity, "update_agent")
    await unit.tried()
    await unit.until("the candidate is CONNECTED", reported=NEW)
    await until(lambda: unit.statuses[-1] == "CONNECTED")


# --- before


async def test_the_call_answers_when_it_is_staged_and_the_trial_follows(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    press, unit = Press.of(cloud, program), Unit(cloud, program, soak=2.0)
    sessions = await sessions_of(user, unit.device)
    press.release(program.version)
    await started(unit)
    press.release(NEW)

    answer = (await user.ask(unit.device.identity, "update_agent")).value
    at_answer = unit.trial, unit.attempt, (unit.folder / f"reagent-v{NEW}").stat().st_mtime
    begun = time.monotonic()
    await unit.tried()
    waited = time.monotonic() - begun
    await unit.until("the candidate is CONNECTED", reported=NEW)
    on_trial = unit.active, len(sessions.open)
    await unit.on(NEW)

    assert isinstance(answer, dict)
    assert {key: value for key, value in answer.items() if value} == {
        "DidAgentUpdate": True,
        "DidUpdate": True,
    }
    assert at_answer[0]["version"] == NEW
    assert at_answer[1:] == ({}, 1.0)
    assert waited < AT_ONCE_S
    # The parent is no agent while its candidate is one.
    assert on_trial == (program.version, 1)
    assert len(sessions.open) == 1
    assert unit.device.starts == 1


async def test_a_pull_delays_the_hand_over(
    cloud: Cloud, program: Program, engine: OwnEngine | GivenEngine
) -> None:
    """The registry answers nothing for a while, not even the login that a pull begins with."""
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    app = AppOf(cloud, unit.device, 471, "patient")
    app.push()
    app.want("RUNNING")
    press.release(NEW)

    cloud.registry.freeze()
    await unit.device.serve(restart_after=0.5)
    await until(lambda: unit.trial.get("version") == NEW, 20.0, "the version is scheduled")
    await asyncio.sleep(FROZEN_S)
    waits = unit.attempt, unit.candidates
    cloud.registry.thaw()
    states = await app.reached("RUNNING")
    begun = time.monotonic()
    await unit.tried()
    waited = time.monotonic() - begun
    with engine.client() as client:
        container = client.containers.get(app.container).id
    await unit.on(NEW)

    assert waits == ({}, [])
    assert "DOWNLOADING" in states
    assert waited < AT_ONCE_S
    with engine.client() as client:
        assert client.containers.get(app.container).id == container


# --- during


def fingerprints(unit: Unit) -> dict[str, object]:
    """What tells that somebody wrote: of the device file, its copies, the links, the state."""
    found: dict[str, object] = {}
    for path in sorted(unit.folder.rglob("*")):
        if path.is_symlink():
            found[path.name] = (path.readlink(), path.lstat().st_ino)
        elif path.suffix in {".flock", ".json"} or "reagent-v" in path.name:
            status = path.stat()
            found[str(path.relative_to(unit.folder))] = (
                status.st_ino,
                status.st_mtime_ns,
                status.st_mode,
                path.read_bytes() if status.st_size < 100_000 else status.st_size,
            )
    return found


async def test_a_candidate_writes_no_device_file_no_link_and_no_state(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    """Not even when it hears that the device has another name by now."""
    press, unit = Press.of(cloud, program), Unit(cloud, program, soak=LONG_S)
    who = unit.device.identity
    press.release(program.version)
    await started(unit)
    await bring_on_trial(unit, press, user)
    await until(lambda: unit.trial["proven_s"] != 0, what="its parent noted that it is proven")
    before = fingerprints(unit)

    renamed = dataclasses.replace(who, device_name="another-name")
    cloud.backend.database.add_device(renamed)
    seen = len(unit.statuses)
    await cloud.backend.cut(who.authid)
    await unit.connected(since=seen)
    ordered = (await user.ask(who, "update_agent")).value
    await asyncio.sleep(patient(1.0))
    during = fingerprints(unit)
    await unit.device.stop()
    unit.device.environment["REAGENT_UPDATE_SOAK_S"] = "1"
    await started(unit)
    await unit.on(NEW)

    assert during == before
    assert {"device-config.flock", "updates.json", "Reagent-active"} <= set(before)
    assert isinstance(ordered, dict)
    assert not any(ordered.values())
    assert unit.device.document["name"] == "another-name"


@pytest.mark.parametrize("told", ["the service", "each of its processes"])
async def test_a_stop_during_a_trial_ends_both_and_gives_the_attempt_back(
    cloud: Cloud, program: Program, user: Caller, told: str
) -> None:
    """A service manager that tells the whole control group has the candidate end by itself."""
    press, unit = Press.of(cloud, program), Unit(cloud, program, soak=LONG_S)
    press.release(program.version)
    await started(unit)
    await bring_on_trial(unit, press, user)
    await until(lambda: unit.trial["proven_s"] != 0, what="its parent noted that it is proven")
    sessions = await sessions_of(user, unit.device)

    begun = time.monotonic()
    if told == "each of its processes":
        for pid in (unit.device.pid, *unit.candidates):
            with contextlib.suppress(ProcessLookupError):  # the first one may have ended the others
                os.kill(pid, signal.SIGTERM)
    status = await unit.device.stop()
    took = time.monotonic() - begun

    assert status == 0
    assert took < patient(10.0)
    assert unit.device.leftovers() == []
    assert sessions.open == []
    assert unit.attempt == {}
    assert (unit.trial["version"], unit.trial["strikes"], unit.trial["given_back"]) == (NEW, 0, 0)
    assert float(str(unit.trial["proven_s"])) > 0
    # It goes on where it was.
    unit.device.environment["REAGENT_UPDATE_SOAK_S"] = "1"
    await started(unit)
    await unit.on(NEW)


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_candidate_ends_with_its_parent(
    cloud: Cloud,
    program: Program,
    user: Caller,
    frozen: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Also one that cannot do anything about it any more."""
    press, unit = Press.of(cloud, program), Unit(cloud, program, soak=LONG_S)
    press.release(program.version)
    await started(unit)
    sessions = await sessions_of(user, unit.device)
    await bring_on_trial(unit, press, user)
    candidates = unit.candidates
    assert len(candidates) == (2 if program.unpacks_itself else 1)
    words = words_of(candidates[0])
    if frozen:
        for candidate in candidates:
            os.kill(candidate, signal.SIGSTOP)

    unit.device.environment["REAGENT_UPDATE_SOAK_S"] = "1"
    await unit.device.kill()
    await until(lambda: all(map(_is_gone, candidates)), 3.0)

    assert words[0] == str(unit.device.flashed.active)
    await until(lambda: unit.device.running, 5.0, "the manager starts it")
    await unit.on(NEW)
    assert unit.blocked == []
    assert not await is_joined(user, sessions.ids[0])


def _is_gone(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text[text.rindex(")") + 2] in "ZX"


async def test_one_that_never_gets_through_is_ended_three_times_and_blocked(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    """The device is the agent that it was after each attempt; nothing of the candidate is left."""
    press = Press.of(cloud, program)
    ways = {"test": Broken.HANGS, "local": Broken.NEVER_JOINS}
    units = [Unit(cloud, program, proof=1.5, channel=channel) for channel in ways]
    press.release(program.version)
    await started(*units)
    for number, (channel, broken) in enumerate(ways.items(), start=1):
        press.release(f"1.1.{number}", broken, channel)

    await asyncio.gather(*(user.ask(unit.device.identity, "update_agent") for unit in units))
    for number, unit in enumerate(units, start=1):
        await unit.on(program.version, blocked=[f"1.1.{number}"], within=60.0)

    for unit in units:
        assert unit.candidates == []
        assert unit.device.starts == 1
        assert unit.named("previous") == unit.named("latest") == program.version
