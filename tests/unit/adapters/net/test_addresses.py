from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from reagent.adapters.net.addresses import Address, Names, alternating, connect

V4, V6 = socket.AF_INET, socket.AF_INET6


class NameServer:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = threading.Event()

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        self.answers.wait(10)
        if host == "nowhere":
            raise socket.gaierror(-2, "Name or service not known")
        return [(V4, ("192.0.2.1", port))]


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.answers.set()


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


async def test_a_name_is_looked_up(server: NameServer) -> None:
    server.answers.set()

    assert await Names(server).addresses("router", 80) == [(V4, ("192.0.2.1", 80))]


async def test_an_unknown_name_is_an_os_error_that_says_which(server: NameServer) -> None:
    server.answers.set()

    with pytest.raises(OSError, match="no address of nowhere: Name or service not known"):
        await Names(server).addresses("nowhere", 80)


async def test_a_name_server_that_hangs_is_asked_once_however_often_we_give_up(
    server: NameServer,
) -> None:
    names = Names(server)

    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await names.addresses("router", 80)

    server.answers.set()
    assert await names.addresses("router", 80)
    assert server.asked == 1


async def test_an_answer_that_came_too_late_is_there_for_the_next_who_asks_and_no_other(
    server: NameServer,
) -> None:
    names = Names(server)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await names.addresses("router", 80)
    server.answers.set()
    while names._asked:
        await asyncio.sleep(0.005)

    found = await names.addresses("router", 80)
    await names.addresses("router", 80)

    assert found == [(V4, ("192.0.2.1", 80))]
    assert server.asked == 2


async def test_what_was_answered_is_asked_again(server: NameServer) -> None:
    server.answers.set()
    names = Names(server)

    await names.addresses("router", 80)
    await names.addresses("router", 80)

    assert server.asked == 2


async def test_a_host_name_that_is_none_is_an_os_error() -> None:
    with pytest.raises(OSError, match=r"host name|not known|service"):
        await Names().addresses("a" * 70, 80)


async def test_the_first_address_that_answers_is_taken(listening: int) -> None:
    refused = (V4, ("127.0.0.1", 1))

    sock = await connect([refused, (V4, ("127.0.0.1", listening))], head_start=5)

    assert sock.getpeername() == ("127.0.0.1", listening)
    sock.close()


async def test_an_address_that_says_nothing_costs_its_head_start_only(listening: int) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())

        async with asyncio.timeout(5):
            sock = await connect(
                [(V4, full.getsockname()), (V4, ("127.0.0.1", listening))], head_start=0.02
            )

        assert sock.getpeername() == ("127.0.0.1", listening)
        for each in (sock, *fillers):
            each.close()


async def test_when_none_answers_all_are_named() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1.*; .*127\.0\.0\.2"):
        await connect([(V4, ("127.0.0.1", 1)), (V4, ("127.0.0.2", 1))])


async def test_no_address_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        await connect([])


def test_families_take_turns() -> None:
    six: list[Address] = [(V6, ("::1", 1, 0, 0)), (V6, ("::2", 1, 0, 0))]
    four: list[Address] = [(V4, ("192.0.2.1", 1))]

    assert alternating([*six, *four]) == [six[0], four[0], six[1]]
