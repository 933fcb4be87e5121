"""What carries orders from a command to the agent: a socket, and on Windows a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from reagent.adapters.control import Limits, NobodyThere, Refusal
from reagent.adapters.threads import Threads
from reagent.contracts.control import News, Plain
from reagent.errors import Unavailable
from tests.contract.control_worlds import HAS_AN_END, Caller, call, order, taking_orders
from tests.fakes.desk import FakeDesk

LIMITS = Limits()
# Whoever waits here waits in a thread; more at once than the loop has.
THREADS = Threads("callers", 40)
LINE = b'{"order": "go"}\n'


class Busy(FakeDesk):
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


class Talkative(FakeDesk):
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
async def desk(tmp_path: Path) -> AsyncIterator[FakeDesk]:
    desk = FakeDesk()
    async with taking_orders((str(tmp_path),), lambda: desk):
        yield desk


async def told(folder: Path, word: str, **arguments: object) -> list[tuple[bool, Plain]]:
    """Give an order as a command does: from another thread, as it waits for each line."""
    return await THREADS.run(lambda: list(order((str(folder),), word, arguments)))


async def callers(folder: Path, number: int) -> list[Caller]:
    return [await THREADS.run(lambda: call(folder)) for _ in range(number)]


async def rude(folder: Path, line: bytes) -> bytes:
    """Say this and no more; all that is answered."""

    def talk() -> bytes:
        caller = call(folder)
        try:
            caller.say(line)
            return caller.hear()
        finally:
            caller.close()

    return await THREADS.run(talk)


async def test_news_come_before_the_answer(desk: FakeDesk, tmp_path: Path) -> None:
    said = await told(tmp_path, "apply", path="/a")

    assert desk.orders == [("apply", {"path": "/a"})]
    assert [is_answer for is_answer, _ in said] == [False, False, False, True]
    assert said[2][1] == {"bytes": 2, "of": 2}
    assert said[3][1] == {"text": "done"}


async def test_a_refusal_comes_with_its_text_and_kind(desk: FakeDesk, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="it was tried here before") as refusal:
        await told(tmp_path, "refuse")

    assert refusal.value.kind == "blocked"
    assert desk.orders


async def test_a_defect_ends_with_words_and_the_next_is_heard(
    desk: FakeDesk, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="ValueError: a defect"):
        await told(tmp_path, "break")

    assert (await told(tmp_path, "go"))[-1] == (True, {"text": "done"})
    assert len(desk.orders) == 2


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
    tmp_path: Path, line: bytes
) -> None:
    desk = FakeDesk()
    within = LIMITS if HAS_AN_END else replace(LIMITS, order_within=0.5)
    async with taking_orders((str(tmp_path),), lambda: desk, within):
        answer = await rude(tmp_path, line)
        obeyed = list(desk.orders)
        after = await told(tmp_path, "go")

    assert b"that is no order" in answer
    assert obeyed == []
    assert after[-1] == (True, {"text": "done"})


async def test_who_comes_when_all_places_are_taken_waits_for_one(tmp_path: Path) -> None:
    gate = asyncio.Event()
    desk = Busy(gate)
    async with taking_orders((str(tmp_path),), lambda: desk, LIMITS):
        asking = [asyncio.create_task(rude(tmp_path, LINE)) for _ in range(20)]
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
    async with taking_orders((str(tmp_path),), lambda: desk, hurried):
        waiting = await callers(tmp_path, LIMITS.orders)
        for each in waiting:
            await THREADS.run(partial(each.say, LINE))
        await desk.full.wait()
        late = await rude(tmp_path, LINE)
        gate.set()
        answers = [await THREADS.run(each.hear) for each in waiting]
        for each in waiting:
            each.close()

    assert b'"kind": "busy"' in late
    assert all(b'"answer"' in answer for answer in answers)


async def test_who_says_nothing_is_sent_away_and_takes_nobodys_place(tmp_path: Path) -> None:
    desk = FakeDesk()
    async with taking_orders((str(tmp_path),), lambda: desk, replace(LIMITS, order_within=0.2)):
        silent = await callers(tmp_path, 20)
        said = await told(tmp_path, "go")
        answers = [await THREADS.run(each.hear) for each in silent]
        for each in silent:
            each.close()

    assert said[-1] == (True, {"text": "done"})
    assert all(b"that is no order" in answer for answer in answers)


async def test_more_than_anybody_needs_are_told_to_come_again(tmp_path: Path) -> None:
    async with taking_orders((str(tmp_path),), FakeDesk, replace(LIMITS, guests=3)):
        silent = await callers(tmp_path, 3)
        too_many = await rude(tmp_path, LINE)
        for each in silent:
            each.close()
        async with asyncio.timeout(20):
            while b'"answer"' not in await rude(tmp_path, LINE):
                pass

    assert b'"kind": "busy"' in too_many


async def test_who_does_not_read_is_left_and_what_was_ordered_is_done(tmp_path: Path) -> None:
    desk = Talkative()
    async with taking_orders((str(tmp_path),), lambda: desk, replace(LIMITS, heard_within=0.1)):
        (deaf,) = await callers(tmp_path, 1)
        await THREADS.run(partial(deaf.say, LINE))
        await desk.done.wait()
        said = await told(tmp_path, "status")
        deaf.close()

    assert said[-1] == (True, {"text": "done"})


async def test_who_hangs_up_keeps_nobody_from_it(desk: FakeDesk, tmp_path: Path) -> None:
    for _ in range(20):
        (gone,) = await callers(tmp_path, 1)
        gone.close()

    assert (await told(tmp_path, "go"))[-1] == (True, {"text": "done"})
    assert len(desk.orders) == 1


async def test_it_is_gone_with_the_agent_and_there_with_the_next(tmp_path: Path) -> None:
    async with taking_orders((str(tmp_path),), FakeDesk):
        pass

    with pytest.raises(NobodyThere):
        await told(tmp_path, "go")
    async with taking_orders((str(tmp_path),), FakeDesk):
        assert (await told(tmp_path, "go"))[-1] == (True, {"text": "done"})


async def test_whoever_is_served_when_the_agent_ends_is_let_go(tmp_path: Path) -> None:
    desk = Busy(asyncio.Event())
    async with taking_orders((str(tmp_path),), lambda: desk):
        waiting = await callers(tmp_path, LIMITS.orders)
        for each in waiting:
            await THREADS.run(partial(each.say, LINE))
        await desk.full.wait()

    answers = [await THREADS.run(each.hear) for each in waiting]
    for each in waiting:
        each.close()
    assert answers == [b""] * LIMITS.orders


async def test_two_agents_do_not_meet(desk: FakeDesk, tmp_path: Path) -> None:
    other, its_desk = tmp_path / "other", FakeDesk()
    other.mkdir()
    async with taking_orders((str(other),), lambda: its_desk):
        await told(other, "go")

    assert (desk.orders, its_desk.orders) == ([], [("go", {})])


async def test_an_agent_that_ends_before_it_answers_is_told(tmp_path: Path) -> None:
    desk = Busy(asyncio.Event())
    async with taking_orders((str(tmp_path),), lambda: desk):
        asking = [asyncio.create_task(told(tmp_path, "go")) for _ in range(LIMITS.orders)]
        await desk.full.wait()

    for each in asking:
        with pytest.raises(Unavailable, match="ended before it answered"):
            await each
