"""adapters.posix.control: an order goes through the socket, its answer comes back."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reagent.adapters.posix.control import NAME, Limits, NobodyThere, Refusal, control_socket, order
from reagent.contracts.control import News, Plain
from reagent.errors import Blocked, Unavailable

LIMITS = Limits()
LINE = b'{"order": "go"}\n'


class Desk:
    """Does what it is told, and remembers it."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, Plain]] = []

    async def obey(self, order: str, arguments: Plain, news: News) -> Plain:
        self.orders.append((order, arguments))
        if order == "refuse":
            raise Blocked("it was tried here before")
        if order == "break":
            raise ValueError("a defect")
        for step in range(3):
            await news({"bytes": step, "of": 2})
        return {"text": "done"}


class Busy(Desk):
    """Answers nobody before it may."""

    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__()
        self.gate = gate
        self.full = asyncio.Event()
        self.most = 0
        self._now = 0

    async def obey(self, order: str, arguments: Plain, news: News) -> Plain:
        self._now += 1
        self.most = max(self.most, self._now)
        if self.most == LIMITS.orders:
            self.full.set()
        await self.gate.wait()
        self._now -= 1
        return await super().obey(order, arguments, news)


class Talkative(Desk):
    """Has more to say than fits between two processes."""

    def __init__(self) -> None:
        super().__init__()
        self.done = asyncio.Event()

    async def obey(self, order: str, arguments: Plain, news: News) -> Plain:
        if order == "go":
            for _ in range(200):
                await news({"text": "x" * 10_000})
            self.done.set()
        return {"text": "done"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk()
    async with control_socket((str(tmp_path),), lambda: desk):
        yield desk


async def told(folder: Path, word: str, **arguments: object) -> list[tuple[bool, Plain]]:
    """Give an order as a command does: from another thread, as it waits for each line."""
    return await asyncio.to_thread(lambda: list(order((str(folder),), word, arguments)))


async def test_news_come_before_the_answer(desk: Desk, tmp_path: Path) -> None:
    said = await told(tmp_path, "apply", path="/a")

    assert desk.orders == [("apply", {"path": "/a"})]
    assert [is_answer for is_answer, _ in said] == [False, False, False, True]
    assert said[2][1] == {"bytes": 2, "of": 2}
    assert said[3][1] == {"text": "done"}


async def test_a_refusal_comes_with_its_text_and_kind(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="it was tried here before") as refusal:
        await told(tmp_path, "refuse")

    assert refusal.value.kind == "blocked"
    assert desk.orders


async def test_a_defect_ends_with_words_and_the_socket_goes_on(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="ValueError: a defect"):
        await told(tmp_path, "break")

    assert (await told(tmp_path, "go"))[-1] == (True, {"text": "done"})
    assert len(desk.orders) == 2


async def raw(folder: Path, line: bytes) -> bytes:
    """Say this line; all that is answered."""
    reader, writer = await asyncio.open_unix_connection(str(folder / NAME))
    writer.write(line)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def rude(folder: Path, line: bytes) -> bytes:
    """Say this, whether anybody takes it or not, and no more; all that is answered."""

    def talk() -> bytes:
        answer = b""
        with socket.socket(socket.AF_UNIX) as guest:
            guest.settimeout(20)
            guest.connect(str(folder / NAME))
            with suppress(ConnectionError):  # it need not take all that anybody sends
                guest.sendall(line)
                guest.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while part := guest.recv(4096):
                    answer += part
        return answer

    return await asyncio.to_thread(talk)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"junk\n",
        b"\xff\n",
        b"[]\n",
        b"{}\n",
        b'{"order": 1, "arguments": 7',
        b'{"order": "go", "arguments": [1]}\n',
        b'{"order": "go", "arguments": "path"}\n',
        b'{"order": ["go"]}\n',
        b'{"order": ' + b"[" * 60_000 + b"\n",
        b'{"order": "' + b"x" * 100_000 + b'"}\n',
        b"x" * 1_000_000,
    ],
    ids=lambda line: f"{line[:24].decode('latin-1').strip()} of {len(line)}",
)
async def test_what_is_no_order_is_answered_and_obeyed_by_nobody(
    desk: Desk, tmp_path: Path, line: bytes
) -> None:
    answer = await rude(tmp_path, line)

    assert b"that is no order" in answer
    assert desk.orders == []
    assert (await told(tmp_path, "go"))[-1] == (True, {"text": "done"})


async def test_who_comes_when_all_places_are_taken_waits_for_one(tmp_path: Path) -> None:
    gate = asyncio.Event()
    desk = Busy(gate)
    async with control_socket((str(tmp_path),), lambda: desk, LIMITS):
        asking = [asyncio.create_task(raw(tmp_path, LINE)) for _ in range(20)]
        await desk.full.wait()
        at_once = desk.most
        gate.set()
        answers = await asyncio.gather(*asking)

    assert at_once == desk.most == LIMITS.orders
    assert all(b'"answer"' in answer for answer in answers)


async def test_who_waited_long_enough_for_a_place_is_told(tmp_path: Path) -> None:
    gate = asyncio.Event()
    desk = Busy(gate)
    hurried = replace(LIMITS, place_within=0.05)
    async with control_socket((str(tmp_path),), lambda: desk, hurried):
        asking = [asyncio.create_task(raw(tmp_path, LINE)) for _ in range(LIMITS.orders)]
        await desk.full.wait()
        late = await raw(tmp_path, LINE)
        gate.set()
        answers = await asyncio.gather(*asking)

    assert b'"kind": "busy"' in late
    assert all(b'"answer"' in answer for answer in answers)


async def test_who_says_nothing_is_sent_away_and_takes_nobodys_place(tmp_path: Path) -> None:
    desk = Desk()
    async with control_socket((str(tmp_path),), lambda: desk, replace(LIMITS, order_within=0.2)):
        silent = [await asyncio.open_unix_connection(str(tmp_path / NAME)) for _ in range(20)]
        said = await told(tmp_path, "go")
        answers = [await reader.read() for reader, _ in silent]
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()

    assert said[-1] == (True, {"text": "done"})
    assert all(b"that is no order" in answer for answer in answers)


async def test_more_than_anybody_needs_are_told_to_come_again(tmp_path: Path) -> None:
    async with control_socket((str(tmp_path),), Desk, replace(LIMITS, guests=3)):
        silent = [await asyncio.open_unix_connection(str(tmp_path / NAME)) for _ in range(3)]
        too_many = await rude(tmp_path, LINE)
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(10):
            while b'"answer"' not in await raw(tmp_path, LINE):
                pass

    assert b'"kind": "busy"' in too_many


async def test_who_does_not_read_is_left_and_what_was_ordered_is_done(tmp_path: Path) -> None:
    desk = Talkative()
    async with control_socket((str(tmp_path),), lambda: desk, replace(LIMITS, heard_within=0.1)):
        _, writer = await asyncio.open_unix_connection(str(tmp_path / NAME), limit=1)
        writer.write(LINE)
        await desk.done.wait()
        said = await told(tmp_path, "status")
        writer.transport.abort()

    assert said[-1] == (True, {"text": "done"})


async def test_only_its_owner_may_open_it(desk: Desk, tmp_path: Path) -> None:
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert desk.orders == []


async def test_it_is_gone_with_the_agent(tmp_path: Path) -> None:
    async with control_socket((str(tmp_path),), Desk):
        assert (tmp_path / NAME).exists()

    assert not (tmp_path / NAME).exists()
    with pytest.raises(NobodyThere):
        await told(tmp_path, "go")


async def test_whoever_is_served_when_the_agent_ends_is_let_go(tmp_path: Path) -> None:
    desk = Busy(asyncio.Event())
    async with control_socket((str(tmp_path),), lambda: desk):
        asking = [asyncio.create_task(raw(tmp_path, LINE)) for _ in range(LIMITS.orders)]
        await desk.full.wait()

    assert await asyncio.gather(*asking) == [b""] * LIMITS.orders


async def test_the_socket_of_an_agent_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / NAME))

    async with control_socket((str(tmp_path),), Desk):
        said = await told(tmp_path, "go")

    assert said[-1] == (True, {"text": "done"})


async def test_the_next_folder_is_taken_where_the_first_cannot_be(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    long = tmp_path / ("x" * 100)
    await asyncio.to_thread(os.mkdir, long)

    async with control_socket((nowhere, str(long), str(tmp_path)), Desk):
        assert (tmp_path / NAME).exists()


async def test_without_a_place_the_agent_does_without(tmp_path: Path) -> None:
    async with control_socket((str(tmp_path / "nowhere"),), Desk):
        with pytest.raises(NobodyThere):
            await told(tmp_path, "go")


async def test_an_agent_that_ends_before_it_answers_is_told(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(hang_up, str(tmp_path / NAME)):
        with pytest.raises(Unavailable):
            await told(tmp_path, "go")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_told_that_it_is_root_s_not_that_nobody_is_there(
    desk: Desk, tmp_path: Path
) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(Unavailable, match="only root"):
            list(order((str(tmp_path),), "status", {}))
    finally:
        os.seteuid(0)

    assert desk.orders == []
