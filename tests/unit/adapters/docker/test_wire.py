"""The small HTTP client against an engine that says exactly what a test wants."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reagent.adapters.docker.address import Address
from reagent.adapters.docker.errors import Refusal
from reagent.adapters.docker.wire import Wire
from reagent.adapters.http import connection
from reagent.errors import EngineFailed, EngineUnavailable
from tests.unit.adapters.docker.conftest import Words, chunks, head


@pytest.fixture
async def wire(words: Words) -> AsyncIterator[Wire]:
    made = Wire(Address(words.address))
    yield made
    made.close()


async def test_the_api_version_is_agreed_on_once(words: Words, wire: Wire) -> None:
    words.answer_json({"a": 1})
    words.answer_json([2])

    assert await wire.get("info") == {"a": 1}
    assert await wire.get("images", "json") == [2]
    assert words.requests == ["GET /_ping", "GET /v1.41/info", "GET /v1.41/images/json"]


async def test_requests_that_follow_each_other_share_a_connection(words: Words, wire: Wire) -> None:
    for _ in range(5):
        words.answer_json({})
        await wire.get("info")

    assert words.connections == 1


async def test_an_engine_that_restarted_in_between_is_simply_asked_again(
    words: Words, wire: Wire
) -> None:
    words.answer_json({})
    await wire.get("info")
    await words.stop()
    await words.start()

    words.answer_json({"b": 2})

    assert await wire.get("info") == {"b": 2}


async def test_nobody_at_the_address_is_unavailable(tmp_path: Path) -> None:
    for address in (f"unix://{tmp_path}/none", "tcp://127.0.0.1:1", "ssh://host", "tcp://x:y"):
        with pytest.raises(EngineUnavailable, match=r"does not answer at"):
            await Wire(Address(address)).ping()


async def test_an_engine_that_says_nothing_is_unavailable_in_time(words: Words, wire: Wire) -> None:
    await wire.ping()

    with pytest.raises(EngineUnavailable, match=r"nothing within 0\.05 s"):
        await wire.get("info", within=0.05)


async def test_a_refusal_carries_the_engines_words(words: Words, wire: Wire) -> None:
    words.answer_json({"message": "No such container: x"}, "404 Not Found")
    words.answer(head("500 Internal Server Error", 5) + b"oops\n")

    with pytest.raises(Refusal, match=r"^No such container: x$") as missing:
        await wire.get("containers", "x", "json")
    with pytest.raises(Refusal, match=r"^oops$"):
        await wire.get("info")

    assert missing.value.status == 404


async def test_half_an_answer_is_no_answer(words: Words, wire: Wire) -> None:
    words.closing = True
    words.answer(head(length=100) + b"{")

    with pytest.raises(EngineUnavailable, match="the connection ended"):
        await wire.get("info")


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n\r\n", head(length=3) + b"{]}", head() + b"zz\r\n\r\n"],
)
async def test_what_is_no_engine_is_said_to_be_none(
    words: Words, wire: Wire, answer: bytes
) -> None:
    words.answer(answer)

    with pytest.raises(EngineFailed):
        await wire.get("info")


async def test_names_are_quoted(words: Words, wire: Wire) -> None:
    words.answer_json({})

    await wire.get("containers", "a b?c#d%", "json", query={"since": "2026-01-01T00:00:00+01:00"})

    assert words.requests[-1] == (
        "GET /v1.41/containers/a%20b%3Fc%23d%25/json?since=2026-01-01T00%3A00%3A00%2B01%3A00"
    )


async def test_a_stream_gives_what_comes_and_ends_at_its_end(words: Words, wire: Wire) -> None:
    words.answer(head() + chunks([b"one\n", b"two\n"]))

    async with wire.stream("GET", "events") as stream:
        first, last = await stream.read(), await stream.read()

    assert (first, last) == (b"one\ntwo\n", b"")


async def test_a_stream_that_breaks_off_is_an_unavailable_engine(words: Words, wire: Wire) -> None:
    words.closing = True
    words.answer(head() + chunks([b"one\n"], end=False))

    async with wire.stream("GET", "events") as stream:
        first = await stream.read()
        with pytest.raises(EngineUnavailable, match="went away"):
            await stream.read()

    assert first == b"one\n"


async def test_leaving_a_stream_hangs_up(words: Words, wire: Wire) -> None:
    words.answer(head() + chunks([b"one\n"], end=False))

    async with wire.stream("POST", "images", "create") as stream:
        await stream.read()

    async with asyncio.timeout(20):
        await words.hung_up.wait()


async def test_cancelling_a_request_hangs_up(words: Words, wire: Wire) -> None:
    await wire.ping()
    task = asyncio.create_task(wire.get("info"))
    while len(words.requests) < 2:  # the request is on its way
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(20):
        await words.hung_up.wait()


async def test_a_refused_stream_is_a_refusal(words: Words, wire: Wire) -> None:
    words.answer_json({"message": "pull access denied"}, "404 Not Found")

    with pytest.raises(Refusal, match="pull access denied"):
        async with wire.stream("POST", "images", "create"):
            pass


async def test_closing_ends_streams(words: Words, wire: Wire) -> None:
    words.answer(head() + chunks([b"one\n"], end=False))

    async with wire.stream("GET", "events") as stream:
        await stream.read()
        wire.close()
        async with asyncio.timeout(20):
            with pytest.raises(EngineUnavailable):
                await stream.read()


async def test_a_reader_that_does_not_read_fills_no_memory(words: Words, wire: Wire) -> None:
    line = b"x" * 4096
    flood = chunks([line] * 4096, end=False)

    def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(head() + flood)

    words.answers.append(pour)
    async with wire.stream("GET", "events") as stream:
        await stream.read()
        await asyncio.sleep(0.2)
        largest = 0
        total = len(line) * 4096
        read = 0
        async with asyncio.timeout(20):
            while read < total - connection.HIGH_WATER * 2:
                block = await stream.read()
                read += len(block)
                largest = max(largest, len(block))

    assert largest <= connection.HIGH_WATER * 2


async def test_many_small_writes_are_read_in_few_blocks(words: Words, wire: Wire) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(head())
        for number in range(300):
            writer.write(chunks([b"%d\n" % number], end=False))
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    tasks: list[asyncio.Task[None]] = []
    words.answers.append(lambda writer: tasks.append(asyncio.create_task(drip(writer))))
    blocks: list[bytes] = []
    async with wire.stream("GET", "events") as stream, asyncio.timeout(10):
        while block := await stream.read():
            blocks.append(block)

    assert b"".join(blocks) == b"".join(b"%d\n" % number for number in range(300))
    assert len(blocks) < 30


def test_reading_needs_no_sdk() -> None:
    program = "import sys, reagent.adapters.docker.engine; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "reagent.adapters.docker.wire" in loaded
    assert not {"docker", "requests", "urllib3", "http.client", "email"} & set(loaded)
