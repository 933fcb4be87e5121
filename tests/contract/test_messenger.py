"""What every session does, judged in memory and with a real Crossbar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from reagent.contracts.messenger import Session
from reagent.errors import BadRequest, CallFailed, DeadlineExceeded, NotConnected
from reagent.model.call import Answer, Call, Event
from tests.contract.messenger_worlds import (  # noqa: F401 - pytest finds `crossbar` by its name
    Memory,
    Real,
    World,
    crossbar,
    until,
)


@pytest.fixture(params=["memory", pytest.param("crossbar", marks=pytest.mark.router)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    memory = request.param == "memory"
    made: World = Memory() if memory else Real(request.getfixturevalue("crossbar"))
    yield made
    await made.close()


@pytest.fixture
async def device(world: World) -> Session:
    return await world.join(1)


@pytest.fixture
async def other(world: World) -> Session:
    return await world.join(2)


@pytest.fixture
def uri() -> str:
    return f"test.{uuid4().hex}"


async def echo(call: Call) -> Answer:
    return Answer(list(call.args), dict(call.kwargs))


async def who(call: Call) -> Answer:
    return Answer([call.caller])


async def empty(_: Call) -> Answer:
    return Answer()


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []

    async def __call__(self, event: Event) -> None:
        self.events.append(event)

    def values(self) -> list[object]:
        return [event.args[0] for event in self.events]


async def test_a_joined_session_is_connected_and_has_a_number(device: Session) -> None:
    assert device.connected
    assert device.session_id > 0


async def test_a_call_carries_arguments_both_ways(
    device: Session, other: Session, uri: str
) -> None:
    await device.register(uri, echo)

    answer = await other.call(uri, 1, "zwei", {"drei": [3.5, None, True]}, kwargs={"k": "ö"})

    assert list(answer.args) == [1, "zwei", {"drei": [3.5, None, True]}]
    assert dict(answer.kwargs) == {"k": "ö"}


async def test_an_empty_answer_is_empty(device: Session, other: Session, uri: str) -> None:
    await device.register(uri, empty)

    answer = await other.call(uri)

    assert list(answer.args) == []
    assert dict(answer.kwargs) == {}


async def test_a_handler_learns_who_calls(device: Session, other: Session, uri: str) -> None:
    await device.register(uri, who)

    assert list((await other.call(uri)).args) == ["1-2"]


async def test_an_unknown_procedure_says_so(device: Session, uri: str) -> None:
    with pytest.raises(CallFailed, match=uri) as caught:
        await device.call(uri)

    assert caught.value.uri == "wamp.error.no_such_procedure"
    assert "wamp.error.no_such_procedure" in str(caught.value)


async def test_what_a_handler_refuses_arrives_with_its_text(
    device: Session, other: Session, uri: str
) -> None:
    async def refuse(_: Call) -> Answer:
        raise BadRequest("failed to parse app_key")

    await device.register(uri, refuse)

    with pytest.raises(CallFailed, match="failed to parse app_key") as caught:
        await other.call(uri)
    assert caught.value.uri == "wamp.error.canceled"


async def test_what_a_handler_breaks_arrives_without_a_detail(
    device: Session, other: Session, uri: str
) -> None:
    async def broken(_: Call) -> Answer:
        raise ValueError("the inside of the agent")

    await device.register(uri, broken)

    with pytest.raises(CallFailed, match="internal error") as caught:
        await other.call(uri)
    assert "inside" not in str(caught.value)
    assert caught.value.uri == "wamp.error.canceled"


async def test_calls_are_answered_concurrently(device: Session, other: Session, uri: str) -> None:
    both = asyncio.Barrier(2)

    async def meet(_: Call) -> Answer:
        await both.wait()
        return Answer(["met"])

    await device.register(uri, meet)

    async with asyncio.timeout(5):
        answers = await asyncio.gather(other.call(uri), other.call(uri))

    assert [list(answer.args) for answer in answers] == [["met"], ["met"]]


async def test_a_call_ends_at_its_deadline(device: Session, other: Session, uri: str) -> None:
    async def hang(_: Call) -> Answer:
        await asyncio.Event().wait()
        return Answer()

    await device.register(uri, hang)

    with pytest.raises(DeadlineExceeded):
        await other.call(uri, deadline=0.05)
    assert other.connected


async def test_what_is_registered_without_force_stays_with_its_holder(
    device: Session, other: Session, uri: str
) -> None:
    await device.register(uri, empty, force=False)

    with pytest.raises(CallFailed, match=r"wamp\.error\.procedure_already_exists") as caught:
        await other.register(uri, empty, force=False)
    assert caught.value.uri == "wamp.error.procedure_already_exists"


async def test_force_takes_over(device: Session, other: Session, uri: str) -> None:
    async def old(_: Call) -> Answer:
        return Answer(["old"])

    async def new(_: Call) -> Answer:
        return Answer(["new"])

    await device.register(uri, old)
    await other.register(uri, new)

    assert list((await device.call(uri)).args) == ["new"]


async def test_a_registration_can_be_withdrawn_twice(device: Session, uri: str) -> None:
    handle = await device.register(uri, empty)
    assert handle.id > 0

    await handle.remove()
    await handle.remove()

    with pytest.raises(CallFailed):
        await device.call(uri)


async def test_events_arrive_one_at_a_time_and_in_order(
    device: Session, other: Session, uri: str
) -> None:
    seen: list[object] = []
    inside = 0

    async def slow(event: Event) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        await asyncio.sleep(0)
        seen.append(event.args[0])
        inside -= 1

    await device.subscribe(uri, slow)

    for number in range(100):
        await other.publish(uri, number)

    await until(lambda: len(seen) == 100)
    assert seen == list(range(100))


async def test_an_event_names_its_topic(device: Session, other: Session, uri: str) -> None:
    heard = Heard()
    await device.subscribe(uri, heard)

    await other.publish(uri, "x", acknowledge=True)

    await until(lambda: len(heard.events) == 1)
    assert heard.events[0].topic == uri


async def test_a_publisher_does_not_hear_itself(device: Session, other: Session, uri: str) -> None:
    mine, theirs = Heard(), Heard()
    await device.subscribe(uri, mine)
    await other.subscribe(uri, theirs)

    await device.publish(uri, "x", acknowledge=True)

    await until(lambda: theirs.values() == ["x"])
    assert mine.values() == []


async def test_who_unsubscribed_hears_nothing_and_others_still_do(
    device: Session, other: Session, uri: str
) -> None:
    first, second = Heard(), Heard()
    handle = await device.subscribe(uri, first)
    await device.subscribe(uri, second)

    await handle.remove()
    await handle.remove()
    await other.publish(uri, "x", acknowledge=True)

    await until(lambda: second.values() == ["x"])
    assert first.values() == []


async def test_a_listener_that_breaks_does_not_silence_the_next(
    device: Session, other: Session, uri: str
) -> None:
    heard = Heard()

    async def broken(_: Event) -> None:
        raise ValueError("broken")

    await device.subscribe(uri, broken)
    await device.subscribe(uri, heard)

    await other.publish(uri, 1)
    await other.publish(uri, 2)

    await until(lambda: heard.values() == [1, 2])


async def test_leaving_frees_what_was_offered(device: Session, other: Session, uri: str) -> None:
    await device.register(uri, empty, force=False)

    await device.leave(2)

    assert not device.connected
    assert device.session_id == 0
    assert await device.ended() is False
    await other.register(uri, empty, force=False)


async def test_after_the_end_everything_says_not_connected(device: Session, uri: str) -> None:
    handle = await device.register(uri, empty)

    device.abort()

    assert not device.connected
    for attempt in (
        device.call(uri),
        device.publish(uri),
        device.register(uri, empty),
        device.subscribe(uri, Heard()),
    ):
        with pytest.raises(NotConnected, match=r"^not connected$"):
            await attempt
    await handle.remove()
    device.abort()
    await device.leave(1)


async def test_who_waits_when_the_session_ends_learns_it(
    device: Session, other: Session, uri: str
) -> None:
    reached = asyncio.Event()

    async def hang(_: Call) -> Answer:
        reached.set()
        await asyncio.Event().wait()
        return Answer()

    await device.register(uri, hang)
    waiting = asyncio.create_task(other.call(uri))
    await asyncio.wait_for(reached.wait(), 20)

    other.abort()

    with pytest.raises(NotConnected):
        await waiting
