"""The profiling page over a real loopback socket (docs/contract/system.md 2.7)."""

import asyncio
import socket
import tracemalloc
from collections.abc import Iterator

import pytest

from reagent import log
from reagent.adapters.profiling import serve_profiling


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number = found.getsockname()[1]
    assert isinstance(number, int)
    return number


@pytest.fixture(autouse=True)
def said() -> Iterator[list[log.Entry]]:
    entries: list[log.Entry] = []
    log.configure(sinks=[entries.append])
    yield entries
    log.reset()


async def answer(port: int, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode())
        return (await asyncio.wait_for(reader.read(), 10)).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_the_page_is_served_with_measured_memory_and_ends_with_its_owner(port: int) -> None:
    async with serve_profiling(port) as served:
        text = await answer(port, f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")

    assert served
    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert "== tasks\n" in text
    assert " bytes now, " in text
    assert not tracemalloc.is_tracing()
    with pytest.raises(ConnectionRefusedError):
        await answer(port, "")


@pytest.mark.parametrize(
    ("request_line", "host", "status"),
    [
        ("GET / HTTP/1.1", "attacker.example.com", "403"),
        ("GET /debug/pprof/profile HTTP/1.1", "localhost", "404"),
        ("POST / HTTP/1.1", "localhost", "405"),
    ],
)
async def test_anything_but_the_page_for_this_machine_is_refused(
    port: int, request_line: str, host: str, status: str
) -> None:
    async with serve_profiling(port):
        text = await answer(port, f"{request_line}\r\nHost: {host}\r\n\r\n")

    assert text.startswith(f"HTTP/1.1 {status} ")
    assert "== tasks" not in text


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/debug/pprof/", "== tasks\n"),
        ("/debug/pprof", "== collector\n"),
        ("/debug/pprof/goroutine?debug=1", "test_profiling_page.py:"),
        ("/debug/pprof/heap", " bytes now, "),
        ("/debug/pprof/allocs?debug=1", " bytes now, "),
    ],
)
async def test_the_page_and_its_parts_are_where_people_look_for_them(
    port: int, path: str, shows: str
) -> None:
    async with serve_profiling(port):
        text = await answer(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert shows in text


async def test_a_request_that_names_no_host_is_answered(port: int) -> None:
    async with serve_profiling(port):
        text = await answer(port, "GET /debug/pprof/ HTTP/1.0\r\n\r\n")

    assert text.startswith("HTTP/1.1 200 OK\r\n")


async def test_only_loopback_is_bound(port: int) -> None:
    async with serve_profiling(port):
        listening = _listening_addresses(port)

    assert listening == {"0100007F"}


def _listening_addresses(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as lines:  # noqa: PTH123 - the kernel's table
            for line in list(lines)[1:]:
                words = line.split()
                address, _, number = words[1].rpartition(":")
                if int(number, 16) == port and words[3] == "0A":
                    found.add(address)
    return found


async def test_a_port_that_is_taken_is_said_and_the_agent_goes_on(
    port: int, said: list[log.Entry]
) -> None:
    async with serve_profiling(port), serve_profiling(port) as served:
        pass

    assert not served
    assert "the profiling page cannot be served" in [entry.message for entry in said]


async def test_a_connection_that_says_nothing_does_not_keep_the_owner(port: int) -> None:
    async with serve_profiling(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0)

    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    await writer.wait_closed()
