"""What takes its time: heartbeats, every 30 s, and crash loops.

One test, so that all devices wait at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.answers import STATUS
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from sandbox.wamp import Incoming
from tests.frozen.link_that_dies import Link
from tests.frozen.platform import PRIVILEGE, scripted
from tests.frozen.platform import connected as told
from tests.frozen.scripted_router import CALL, CANCEL, ERROR, INVOCATION
from tests.frozen.steps import (
    PROCEDURES,
    AppOf,
    connected,
    is_joined,
    online,
    registered,
    sessions_of,
    until,
    uri,
)

BEAT_S = 30.0
# What a busy machine may add; a beat too many or too few is thirty.
ROOM_S = 6.0


def beats_of(device: Device) -> Callable[[Incoming], bool]:
    return lambda call: call.caller == device.identity.authid


def times(cloud: Cloud, device: Device) -> list[float]:
    """When CONNECTED was reported, in seconds after the first time."""
    found = [
        call.at
        for call in cloud.backend.seen(STATUS, lambda c: c.caller == device.identity.authid)
        if call.first["status"] == "CONNECTED"
    ]
    return [round(at - found[0], 1) for at in found]


async def beats_every_thirty_seconds(cloud: Cloud, program: Program, system: Caller) -> None:
    device = cloud.new_device(program)
    sessions = await sessions_of(system, device)
    await online(cloud, device)

    await asyncio.sleep(2 * BEAT_S + ROOM_S)

    first, second, third = times(cloud, device)
    assert first == 0
    assert second == pytest.approx(BEAT_S, abs=ROOM_S)
    assert third == pytest.approx(2 * BEAT_S, abs=ROOM_S)
    assert len(sessions.ids) == 1


async def two_failures_in_a_row_make_a_new_session(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    device = cloud.new_device(program)
    sessions = await sessions_of(system, device)
    await online(cloud, device)
    begun = time.monotonic()
    statuses = len(cloud.backend.statuses(device.identity))
    cloud.backend.fail(STATUS, times=2, when=beats_of(device))

    await sessions.joined.until(lambda heard: len(heard) >= 2, within=2 * BEAT_S + ROOM_S)
    took = time.monotonic() - begun
    await connected(cloud, device, since=statuses)

    assert took == pytest.approx(2 * BEAT_S, abs=ROOM_S)
    # The old one was closed first: it is nobody's duplicate.
    assert not await is_joined(system, sessions.ids[0])
    assert len(sessions.ids) == 2
    assert len(await registered(system, device.identity)) == len(PROCEDURES) + 1
    assert device.exits == []


async def one_failure_does_not_nor_two_with_a_success_between(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    device = cloud.new_device(program)
    sessions = await sessions_of(system, device)
    await online(cloud, device)
    cloud.backend.fail(STATUS, times=1, when=beats_of(device))

    await asyncio.sleep(BEAT_S + ROOM_S)
    assert len(times(cloud, device)) == 2
    await asyncio.sleep(BEAT_S)
    cloud.backend.fail(STATUS, times=1, when=beats_of(device))
    await asyncio.sleep(BEAT_S)

    assert len(times(cloud, device)) == 4
    assert len(sessions.ids) == 1
    assert await is_joined(system, sessions.ids[0])


async def a_link_that_died_is_left(cloud: Cloud, program: Program, system: Caller) -> None:
    async with Link(cloud.router.url) as link:
        device = cloud.new_device(program, changes={"device_endpoint_url": link.url})
        sessions = await sessions_of(system, device)
        await online(cloud, device)
        statuses = len(cloud.backend.statuses(device.identity))

        link.die()
        begun = time.monotonic()
        await sessions.joined.until(lambda heard: len(heard) >= 2, within=4 * BEAT_S)
        took = time.monotonic() - begun
        await connected(cloud, device, since=statuses)

        # Two beats, each given up after ten seconds and a moment for the cancellation.
        assert 2 * BEAT_S < took < 3 * BEAT_S + patient(10)
        assert device.exits == []
        await device.stop()


async def without_an_engine_it_is_configuring_until_the_first_beat(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    address = f"{cloud.services.run_dir}/much-later.sock"
    device = cloud.new_device(program, engine=f"unix://{address}")
    app = AppOf(cloud, device, 320, "latecomer")
    app.push()
    app.want("RUNNING")
    await device.start()
    await cloud.backend.status(device.identity, "CONFIGURING")
    begun = time.monotonic()

    await cloud.backend.status(device.identity, "CONNECTED", within=BEAT_S + ROOM_S)
    took = time.monotonic() - begun
    assert app.states == []
    Path(address).symlink_to(cloud.engine.address.removeprefix("unix://"))
    await app.reached("RUNNING", within=15.0)
    await cloud.backend.until(
        lambda: cloud.backend.statuses(device.identity)[1:] == ["CONNECTED", "CONNECTED"], 10.0
    )

    assert took == pytest.approx(BEAT_S, abs=ROOM_S)
    with cloud.engine.client() as client:
        assert client.containers.get(app.container).status == "running"


async def a_crashing_app_is_started_later_and_later(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    device = cloud.new_device(program)
    app = AppOf(cloud, device, 321, "crasher")
    app.push("crasher")
    logs = await system.logs(device.identity, app.container)
    await online(cloud, device)

    await app.ask(system, "RUNNING")
    await cloud.backend.until(lambda: app.states.count("FAILED") >= 3, within=60.0)

    way = app.states[: app.states.index("FAILED")]
    assert way[:3] == ["STARTING", "DOWNLOADING", "PRESENT"]
    assert way[3:] in ([], ["RUNNING"])
    assert any("1st" in text for text in logs.messages)
    assert any("2nd" in text for text in logs.messages)
    # What it printed before it died is on the topic.
    assert any("crashing" in line for line in logs.lines)
    first, second = app.moments("FAILED")[:2]
    starts = [at for at in app.moments("STARTING") if at > first]
    assert 4.0 <= starts[0] - first < patient(8.5)
    assert 16.0 <= starts[1] - second < patient(27.0)


async def a_request_forgets_the_crashes(cloud: Cloud, program: Program, system: Caller) -> None:
    device = cloud.new_device(program)
    app = AppOf(cloud, device, 323, "forgiven")
    app.push("crasher")
    await online(cloud, device)
    await app.ask(system, "RUNNING")
    await app.reached("FAILED")

    app.push("counter")
    await app.ask(system, "PRESENT")
    await app.reached("PRESENT")
    seen = len(app.states)
    await asyncio.sleep(7.0)

    assert "STARTING" not in app.states[seen:]
    assert app.states[-1] == "PRESENT"


async def a_look_up_without_an_answer_is_given_up_and_the_call_with_it(
    cloud: Cloud, program: Program, _system: Caller
) -> None:
    async with scripted(cloud, program) as (router, device):
        await device.start()
        await told(router)
        router.replies[CALL] = lambda _: None
        name = uri(device.identity, "get_storage_data")

        answer = await router.invoke(name, details={"caller_authid": "999"}, within=20.0)

        assert answer[:2] + answer[3:5] == [ERROR, INVOCATION, {}, "wamp.error.canceled"]
        assert "insufficient" not in answer[5][0]["error"]
        (question,) = router.calls(PRIVILEGE)
        assert [CANCEL, question[1], {"mode": "killnowait"}] in router.messages


async def an_app_that_dies_while_the_link_is_away_is_started_again(
    cloud: Cloud, program: Program, system: Caller
) -> None:
    async with Link(cloud.router.url) as link:
        device = cloud.new_device(program, changes={"device_endpoint_url": link.url})
        app = AppOf(cloud, device, 322, "alone")
        app.push()
        app.want("RUNNING")
        await online(cloud, device)
        await app.reached("RUNNING")
        statuses = len(cloud.backend.statuses(device.identity))

        def runs() -> bool:
            with cloud.engine.client() as client:
                return bool(client.containers.list(filters={"name": f"^{app.container}$"}))

        await link.cut()
        with cloud.engine.client() as client:
            client.containers.get(app.container).kill()
        await until(lambda: not runs(), 5.0, "it is dead")
        await until(runs, 20.0, "it runs again without a router")
        await link.restore()
        await connected(cloud, device, since=statuses)

        await cloud.backend.until(lambda: app.states[-1] == "RUNNING", 10.0)
        await device.stop()


@pytest.mark.timeout(240)
async def test_what_takes_its_time(
    cloud: Cloud, program: Program, engine: OwnEngine | GivenEngine, system: Caller
) -> None:
    scenarios = (
        beats_every_thirty_seconds,
        two_failures_in_a_row_make_a_new_session,
        one_failure_does_not_nor_two_with_a_success_between,
        a_link_that_died_is_left,
        without_an_engine_it_is_configuring_until_the_first_beat,
        a_crashing_app_is_started_later_and_later,
        a_request_forgets_the_crashes,
        a_look_up_without_an_answer_is_given_up_and_the_call_with_it,
        an_app_that_dies_while_the_link_is_away_is_started_again,
    )

    ended = await asyncio.gather(
        *(each(cloud, program, system) for each in scenarios), return_exceptions=True
    )

    failed = {
        each.__name__: error
        for each, error in zip(scenarios, ended, strict=True)
        if error is not None
    }
    if failed:
        raise ExceptionGroup(
            f"failed: {', '.join(failed)}",
            [e if isinstance(e, Exception) else RuntimeError(repr(e)) for e in failed.values()],
        )
