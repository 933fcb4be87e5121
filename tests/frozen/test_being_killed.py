"""kill -9 and SIGTERM at random moments: the next start is as good as the first."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import time

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.steps import AppOf, connected, is_joined, online, sessions_of, until

MOMENTS = 10
# A start takes a third of a second, an app start with its pull about one.
START_S = patient(0.5)
APP_START_S = patient(1.6)

pytestmark = pytest.mark.timeout(120)


def is_sound(device: Device) -> bool:
    """The files that a kill might have torn: device file, its backup, the database."""
    json.loads(device.flashed.device_file.read_bytes())
    odd = [p.name for p in device.flashed.folder.iterdir() if "broken" in p.name]
    if device.database.exists():
        with sqlite3.connect(device.database) as database:
            (said,) = database.execute("pragma integrity_check").fetchone()
        database.close()
        return bool(said == "ok" and not odd)
    return not odd


async def test_after_a_kill_at_any_moment_of_its_start_the_next_start_reaches_connected(
    cloud: Cloud, device: Device, dice: random.Random
) -> None:
    moments = [round(dice.uniform(0, START_S), 3) for _ in range(MOMENTS)]
    print(f"killed after {moments} s")

    for moment in moments:
        await device.start()
        await asyncio.sleep(moment)
        await device.kill()
        await online(cloud, device)
        await device.kill()

        assert is_sound(device), moment
    assert device.leftovers() == []


async def test_after_a_kill_at_any_moment_of_an_app_start_the_next_start_runs_the_app(
    cloud: Cloud, program: Program, engine: OwnEngine | GivenEngine, dice: random.Random
) -> None:
    device = cloud.new_device(program)
    app = AppOf(cloud, device, 301, "phoenix")
    image = app.push()
    app.want("RUNNING")
    moments = [round(dice.uniform(0.15, APP_START_S), 3) for _ in range(MOMENTS)]
    print(f"killed after {moments} s")

    for number, moment in enumerate(moments):
        await device.start()
        await asyncio.sleep(moment)
        await device.kill()
        seen, statuses = len(app.states), len(cloud.backend.statuses(device.identity))
        await device.start()
        await connected(cloud, device, since=statuses)
        await app.reached("RUNNING", since=seen)
        with engine.client() as client:
            assert client.containers.get(app.container).status == "running", moment
            # Every other round has to fetch the image again, every round has to start anew.
            client.containers.get(app.container).remove(force=True)
            if number % 2:
                client.images.remove(image, force=True)
        await device.kill()

        assert is_sound(device), moment


async def test_sigterm_at_any_moment_ends_it_and_leaves_nothing(
    cloud: Cloud, program: Program, system: Caller, dice: random.Random
) -> None:
    moments = [round(dice.uniform(0, 1.5 * START_S), 3) for _ in range(MOMENTS)]
    print(f"SIGTERM after {moments} s")

    for moment in moments:
        device = cloud.new_device(program)
        sessions = await sessions_of(system, device)
        await device.start()
        await asyncio.sleep(moment)
        device.send(signal.SIGTERM)
        begun = time.monotonic()
        status = await device.exited(10.0)

        # Before its first line of Python nothing can catch a signal.
        assert status == 0 or (status == -signal.SIGTERM and not device.log.exists()), moment
        assert time.monotonic() - begun < patient(5.0)
        assert "Traceback" not in device.printed()
        assert device.leftovers() == []
        await sessions.all_left(within=2.0)


async def test_a_stop_in_the_first_moments_is_an_orderly_end_too(
    cloud: Cloud, program: Program, dice: random.Random
) -> None:
    if program.executable.name == "reagent-from-source":
        pytest.skip("what an interpreter does before the program is its own")
    device = cloud.new_device(program)
    # A boot loader starts a Python that takes an interrupt in its own way; services send the other.
    numbers = [signal.SIGTERM] if program.unpacks_itself else [signal.SIGTERM, signal.SIGINT]
    begun = time.monotonic()
    await asyncio.to_thread(
        subprocess.run, [str(program.executable), "-version"], check=True, stdout=subprocess.DEVNULL
    )
    short = time.monotonic() - begun
    for _ in range(80):
        moment = dice.uniform(0, 1.5 * short)
        number = dice.choice(numbers)
        await device.start("-offline")
        await asyncio.sleep(moment)
        device.send(number)
        status = await device.exited(10.0)

        # Before the program is the process, nothing can catch a signal.
        assert status in {0, -number}, (moment, number)
        assert device.printed() == "", (moment, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_connected_agent_at_once_and_its_session_with_it(
    cloud: Cloud, device: Device, system: Caller, number: signal.Signals
) -> None:
    sessions = await sessions_of(system, device)
    await online(cloud, device)

    device.send(number)
    begun = time.monotonic()
    status = await device.exited(10.0)

    assert status == 0
    assert time.monotonic() - begun < patient(3.0)
    assert not await is_joined(system, sessions.ids[-1])
    assert device.leftovers() == []
    # The router says so for a session that said goodbye too: DISCONNECTED is the testament.
    await cloud.backend.status(device.identity, "DISCONNECTED", within=3.0)


async def test_a_second_signal_changes_nothing_whenever_it_comes(
    device: Device, dice: random.Random
) -> None:
    for _ in range(MOMENTS):
        device.database.unlink(missing_ok=True)
        await device.start("-offline")
        await until(device.database.exists, 10.0, "it is up")
        await asyncio.sleep(0.1)
        device.send(dice.choice((signal.SIGTERM, signal.SIGINT)))
        await asyncio.sleep(dice.uniform(0, 0.05))
        device.send(dice.choice((signal.SIGTERM, signal.SIGINT)))

        status = await device.exited(10.0)

        # What a boot loader does once the program has ended, it does unprotected.
        assert status == 0 or (device.program.unpacks_itself and status < 0)
        assert "Traceback" not in device.printed()
