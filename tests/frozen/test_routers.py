"""Routers that are not there, say nothing, vanish, come back, or hang."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from sandbox.callers import SYSTEM, Caller
from sandbox.cloud import Cloud, enroll
from sandbox.device import Device
from sandbox.processes import free_port
from sandbox.program import Program
from sandbox.router import MuteRouter, Router
from sandbox.under_test import patient
from sandbox.wamp import Incoming
from tests.frozen.steps import (
    PROCEDURES,
    connected,
    online,
    registered,
    sessions_of,
    until,
    uri,
)

pytestmark = pytest.mark.timeout(60)

EVERYTHING = {*PROCEDURES, "wamp_connection_established"}
DESTROY = "reswarm.device.%d.list/ondestroy"


def more_than(count: int, heard: Sequence[Incoming]) -> bool:
    return len(heard) > count


class Slammer:
    """Takes every connection and closes it at once; counts them."""

    def __init__(self) -> None:
        self.calls: list[float] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._slam, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _slam(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append(time.monotonic())
        writer.close()


async def test_whatever_is_wrong_with_its_router_it_goes_on_dialling_and_obeys_a_signal(
    cloud: Cloud, program: Program
) -> None:
    mute, slammer = MuteRouter(), Slammer()
    mute.start()
    server = await slammer.start()
    endpoints = {
        "nobody there": f"ws://127.0.0.1:{free_port()}/ws-re-dev",
        "mute": mute.url,
        "slams the door": f"ws://127.0.0.1:{slammer.port}/ws-re-dev",
        "no such path": cloud.router.url.replace("ws-re-dev", "nothing"),
        "no such name": "ws://no-such-host.invalid:8080/ws-re-dev",
        "no TLS": cloud.router.url.replace("ws://", "wss://"),
        "no URL": "not a url at all",
    }
    devices = {
        name: cloud.new_device(program, changes={"device_endpoint_url": url})
        for name, url in endpoints.items()
    }
    stranger = cloud.new_device(program)
    cloud.router.dismiss(stranger.identity.authid)
    devices["not known to the router"] = stranger

    await asyncio.gather(*(device.start() for device in devices.values()))
    await until(lambda: len(slammer.calls) >= 3, within=15.0, what="three calls at the door")
    await asyncio.sleep(patient(1.0))
    alive = {name: device.running for name, device in devices.items()}
    numbers = (signal.SIGTERM, signal.SIGINT)
    for index, device in enumerate(devices.values()):
        device.send(numbers[index % 2])
    begun = time.monotonic()
    statuses = await asyncio.gather(*(device.exited(10.0) for device in devices.values()))

    assert alive == dict.fromkeys(devices, True)
    assert dict(zip(devices, statuses, strict=True)) == dict.fromkeys(devices, 0)
    assert time.monotonic() - begun < patient(5.0)
    assert all(device.leftovers() == [] for device in devices.values())
    assert all("Traceback" not in device.printed() for device in devices.values())
    server.close()
    mute.close()


async def test_a_mute_router_is_given_up_after_the_connection_timeout(
    cloud: Cloud, program: Program
) -> None:
    mute = MuteRouter()
    mute.start()
    device = cloud.new_device(program, changes={"device_endpoint_url": mute.url})

    await device.start("-connTimeout=300")
    entry = await device.logged("dial failed", within=5.0)

    assert "0.3 s" in str(entry["error"])
    mute.close()


async def test_a_device_that_the_platform_learns_of_later_joins_later(
    cloud: Cloud, device: Device
) -> None:
    cloud.router.dismiss(device.identity.authid)
    await device.start()
    await device.logged("dial failed")

    cloud.router.admit(device.identity.authid, device.identity.secret)

    await connected(cloud, device)


async def test_a_restarted_router_finds_everything_again(
    cloud: Cloud, device: Device, router: Router
) -> None:
    await online(cloud, device)
    async with Caller(router, SYSTEM) as before:
        assert await registered(before, device.identity) == EVERYTHING

    for end in (router.stop, router.shut_down):  # a crash, then an operator
        await asyncio.to_thread(end)
        await asyncio.sleep(patient(0.3))
        # Between its goodbye and its end it may have let the device in once more.
        statuses = len(cloud.backend.statuses(device.identity))
        await cloud.bring_router_back()
        await connected(cloud, device, since=statuses)

        async with Caller(router, SYSTEM) as after:
            assert await registered(after, device.identity) == EVERYTHING
            answer = await after.ask(device.identity, "device_handshake")
            assert answer.kwargs["id"] == device.identity.serial_number
            hello = await after.session.call(uri(device.identity, "wamp_connection_established"))
            assert hello.args == ("Hello :-)",)
            found = await after.session.call("wamp.subscription.lookup", DESTROY)
            assert found.value is not None
        assert cloud.backend.statuses(device.identity)[statuses:][-2:] == [
            "CONFIGURING",
            "CONNECTED",
        ]
    assert device.exits == []


async def test_a_session_that_the_router_ends_is_made_anew_at_once(
    cloud: Cloud, device: Device, system: Caller
) -> None:
    sessions = await sessions_of(system, device)
    await online(cloud, device)

    for round_ in range(5):
        statuses = len(cloud.backend.statuses(device.identity))
        assert await cloud.backend.cut(device.identity.authid) == 1
        await sessions.joined.until(partial(more_than, round_ + 1), within=5.0)
        await connected(cloud, device, since=statuses)

    assert "dialling later" not in device.log.read_text("utf-8")
    assert len(await registered(system, device.identity)) == 35
    assert len(sessions.open) == 1


async def test_a_frozen_router_is_noticed_by_unanswered_pings_and_left(
    cloud: Cloud, program: Program, router: Router
) -> None:
    device = cloud.new_device(program)
    await online(cloud, device, "-ppTimeout=500")
    statuses = len(cloud.backend.statuses(device.identity))

    router.freeze()
    begun = time.monotonic()
    await device.logged("dial failed", within=10.0)
    noticed = time.monotonic() - begun
    router.thaw()

    assert 0.9 < noticed < patient(6.0)
    await connected(cloud, device, since=statuses)
    async with Caller(router, SYSTEM) as caller:
        assert await registered(caller, device.identity) == EVERYTHING


async def test_a_stop_while_the_router_is_frozen_takes_no_longer_than_ten_seconds(
    cloud: Cloud, device: Device, router: Router
) -> None:
    await online(cloud, device)
    router.freeze()

    device.send(signal.SIGTERM)
    status = await device.exited(10.0)
    router.thaw()

    assert status == 0
    assert device.leftovers() == []


async def test_a_project_that_changed_before_the_start_needs_no_second_process(
    cloud: Cloud, device: Device
) -> None:
    moved = replace(device.identity, swarm_key=18)
    enroll(moved, cloud.backend.database, cloud.router)

    await online(cloud, device)

    assert device.document["swarm_key"] == 18
    reports = cloud.backend.seen("reswarm.devices.update_device_status")
    assert {call.caller for call in reports} == {moved.authid}
    assert device.exits == []


async def test_offline_it_never_dials(cloud: Cloud, program: Program) -> None:
    slammer = Slammer()
    server = await slammer.start()
    url = f"ws://127.0.0.1:{slammer.port}/ws-re-dev"
    device = cloud.new_device(program, changes={"device_endpoint_url": url})

    await device.start("-offline")
    await asyncio.sleep(patient(2.0))
    device.send(signal.SIGINT)

    assert await device.exited(10.0) == 0
    assert slammer.calls == []
    server.close()
