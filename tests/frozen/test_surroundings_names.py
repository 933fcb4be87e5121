"""Names become addresses without a file of glibc: resolv.conf and hosts are all that is asked."""

from __future__ import annotations

import asyncio
import time

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.engine import OwnEngine
from sandbox.program import Program
from tests.frozen.name_server import A, doorway, name_server
from tests.frozen.surroundings import Bare, answers, need_root, without_traceback

pytestmark = pytest.mark.timeout(90)

NAME = "router.lab.example"


def endpoint(cloud: Cloud, host: str, port: int = 0) -> str:
    return f"ws://{host}:{port or cloud.router.port}/ws-re-dev"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_address_of_either_family_is_had_from_a_name_server(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, address: str
) -> None:
    need_root()
    async with (
        name_server({NAME: [address]}) as server,
        doorway(address, cloud.router.port) as port,
    ):
        device = Bare.of(cloud, program, endpoint=endpoint(cloud, NAME, port))
        device.give_engine()
        device.put("etc/resolv.conf", f"nameserver {server.address}\n")

        await answers(cloud, device, user)

        assert NAME in {name for name, _ in server.asked}
        without_traceback(device)
        assert await device.stop() == 0


async def test_search_domains_options_and_a_second_server_are_followed(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    need_root()
    async with name_server({NAME: ["127.0.0.1"]}) as server:
        device = Bare.of(cloud, program, endpoint=endpoint(cloud, "router"))
        device.give_engine()
        device.put(
            "etc/resolv.conf",
            "nameserver 127.53.255.254\n"  # nobody is there
            f"nameserver {server.address}\n"
            "search nothing.example lab.example\n"
            "options timeout:1 attempts:1 no-aaaa unheard-of:7\n",
        )

        await answers(cloud, device, user)

        assert ("router.nothing.example", A) in server.asked
        assert {kind for name, kind in server.asked if name == NAME} == {A}
        assert await device.stop() == 0


async def test_a_name_that_nobody_knows_is_said_at_once_and_found_when_it_is_there(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    need_root()
    async with name_server({}) as server:
        device = Bare.of(cloud, program, endpoint=endpoint(cloud, NAME))
        device.give_engine()
        device.put("etc/resolv.conf", f"nameserver {server.address}\n")
        began = time.monotonic()

        await device.start()
        entry = await device.logged("dial failed", within=10.0)

        assert time.monotonic() - began < 8.0  # a resolver that waits for somebody waits 10 s
        assert f"no address of {NAME}: Name or service not known" in str(entry["error"])
        server.names[NAME] = ["127.0.0.1"]
        await cloud.backend.status(device.identity, "CONNECTED", within=20.0)
        assert await device.stop() == 0


async def test_a_resolv_conf_that_comes_late_is_read_and_hosts_will_do_without_one(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    need_root()
    async with name_server({NAME: ["127.0.0.1"]}) as server:
        listed, early = (
            Bare.of(cloud, program, endpoint=endpoint(cloud, name))
            for name in ("gateway.example", NAME)
        )
        for device in (listed, early):
            device.give_engine()
        listed.put("etc/hosts", "127.0.0.1 localhost gateway.example\n")

        await asyncio.gather(listed.start(), early.start())
        entry = await early.logged("dial failed", within=10.0)
        await cloud.backend.status(listed.identity, "CONNECTED", within=20.0)
        early.put("etc/resolv.conf", f"nameserver {server.address}\n")

        assert "there is no /etc/resolv.conf" in str(entry["error"])
        await cloud.backend.status(early.identity, "CONNECTED", within=20.0)
        assert await early.stop() == 0
        assert await listed.stop() == 0


async def test_a_first_name_server_that_says_nothing_keeps_nobody_offline(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    need_root()
    async with name_server({}) as mute, name_server({NAME: ["127.0.0.1"]}) as server:
        mute.mute = True
        device = Bare.of(cloud, program, endpoint=endpoint(cloud, NAME))
        device.give_engine()
        device.put(
            "etc/resolv.conf",
            # Two seconds until the second is asked, more than a connection may take.
            f"nameserver {mute.address}\nnameserver {server.address}\noptions timeout:2\n",
        )

        await answers(cloud, device, user)

        assert await device.stop() == 0


async def test_a_name_server_that_says_nothing_holds_up_no_stop(
    cloud: Cloud, program: Program
) -> None:
    need_root()
    async with name_server({}) as server:
        server.mute = True
        device = Bare.of(cloud, program, endpoint=endpoint(cloud, NAME))
        device.put("etc/resolv.conf", f"nameserver {server.address}\n")
        await device.start()
        while not server.asked:
            await asyncio.sleep(0.02)
        began = time.monotonic()

        assert await device.stop() == 0

        assert time.monotonic() - began < 8.0
