"""What the platform refuses: a wrong secret, a serial number that is taken, a second agent."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from sandbox.router import Router
from sandbox.under_test import patient
from sandbox.wamp import Incoming, Result
from tests.frozen.steps import (
    connected,
    is_joined,
    online,
    registered,
    run_to_end,
    sessions_of,
    uri,
)

pytestmark = pytest.mark.timeout(60)


async def hello(_: Incoming) -> Result:
    return Result(("somebody else",))


async def test_a_wrong_secret_ends_it_with_one_line(device: Device, router: Router) -> None:
    router.admit(device.identity.authid, "another secret")

    ended = await run_to_end(device)

    assert ended.status == 1
    assert ended.stdout.count("\n") == 1, ended
    assert ended.stderr == ""
    assert device.identity.secret not in ended.stdout + device.log.read_text("utf-8")


async def test_a_salted_secret_is_as_good(cloud: Cloud, device: Device, router: Router) -> None:
    router.admit(device.identity.authid, device.identity.secret, salt="pepper-01")

    await online(cloud, device)


async def eight_rejections_of_a_serial_number_end_it_and_seven_do_not(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    loser, winner = cloud.new_device(program), cloud.new_device(program)
    attempts = {each: await sessions_of(system, each) for each in (loser, winner)}
    name = uri(loser.identity, "wamp_connection_established")
    await system.session.register(name, hello)
    async with Caller(cloud.router, "501") as holder:
        name = uri(winner.identity, "wamp_connection_established")
        await holder.session.register(name, hello)
        begun = time.monotonic()
        await winner.start()
        losing = asyncio.create_task(run_to_end(loser, within=15.0))

        await attempts[winner].left.until(lambda heard: len(heard) >= 7, within=12.0)
        assert len(attempts[winner].ids) == 7
    # Whoever held the name has left: the eighth attempt has it.
    await connected(cloud, winner)
    ended = await losing
    took = time.monotonic() - begun

    assert ended.status == 1
    assert 6.5 < took < patient(11.0)
    assert len(attempts[loser].ids) == 8
    assert attempts[loser].open == []
    assert ended.stdout.count("\n") == 1, ended
    assert loser.identity.serial_number in ended.stdout
    assert ended.stderr == ""
    assert len(attempts[winner].ids) == 8
    assert winner.running


async def the_same_device_twice_never_disturbs_the_one_that_is_there(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    device = cloud.new_device(program)
    await online(cloud, device)
    twin = cloud.new_device(program, identity=device.identity)

    ended = await run_to_end(twin, within=15.0)

    assert ended.status == 1
    answer = await system.ask(device.identity, "device_handshake")
    assert answer.kwargs["id"] == device.identity.serial_number
    assert len(await registered(system, device.identity)) == 35


async def test_a_serial_number_that_is_taken(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    async with asyncio.TaskGroup() as both:  # they wait at the same time
        for scenario in (
            eight_rejections_of_a_serial_number_end_it_and_seven_do_not,
            the_same_device_twice_never_disturbs_the_one_that_is_there,
        ):
            both.create_task(scenario(cloud, program, system))


async def test_killed_and_started_again_it_takes_its_own_serial_number_back(
    cloud: Cloud, device: Device, system: Caller
) -> None:
    sessions = await sessions_of(system, device)
    await online(cloud, device)
    await device.kill()

    await online(cloud, device)

    assert len(sessions.ids) <= 3
    assert not await is_joined(system, sessions.ids[0])


async def test_a_broken_device_file_is_replaced_by_its_backup_and_the_device_comes_online(
    cloud: Cloud, device: Device
) -> None:
    await online(cloud, device)
    await device.stop()
    broken = device.flashed.device_file.read_bytes()[:100]
    device.flashed.device_file.write_bytes(broken)

    await online(cloud, device)

    assert "backup" in device.log.read_text("utf-8")
    # The platform confirmed who we are, and nothing else was written over the broken file.
    assert device.flashed.device_file.read_bytes() == broken or json.loads(
        device.flashed.device_file.read_bytes()
    )


async def test_a_broken_device_file_without_backup_ends_it_with_one_line(device: Device) -> None:
    device.flashed.device_file.write_bytes(b'{"serial_number": "')

    ended = await run_to_end(device)

    assert ended.status == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert str(device.flashed.device_file) in ended.stderr


async def test_an_unknown_flag_ends_it_with_the_usage(device: Device) -> None:
    ended = await run_to_end(device, "-nosuchflag")

    assert ended.status == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("flag provided but not defined: -nosuchflag\nUsage of ")
    assert not device.log.exists()
