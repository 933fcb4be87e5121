"""What reaches the device, message by message (docs/contract/wamp.md 4, 9.2, 9.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from reagent.errors import BadRequest
from reagent.model.call import Answer, Call, Event
from tests.fakes.clock import settle
from tests.unit.adapters.wamp.conftest import Router

Handler = Callable[[Call], Coroutine[object, object, Answer]]


async def offer(router: Router, handler: Handler, registration: int = 99) -> None:
    task = asyncio.create_task(router.session.register("a.b", handler))
    await settle()
    number = router.last[1]
    router.says([65, number, registration])
    await task
    router.sent.clear()


async def listen(
    router: Router,
    listener: Callable[[Event], Coroutine[object, object, None]],
    subscription: int = 55,
) -> None:
    task = asyncio.create_task(router.session.subscribe("topic", listener))
    await settle()
    number = router.last[1]
    router.says([33, number, subscription])
    await task
    router.sent.clear()


def answering(answer: Answer) -> Handler:
    async def handler(_: Call) -> Answer:
        return answer

    return handler


async def hang(_: Call) -> Answer:
    await asyncio.Event().wait()
    return Answer()


@pytest.mark.parametrize(
    ("answer", "wire"),
    [
        (Answer(), [70, 5, {}]),
        (Answer(["x", 1]), [70, 5, {}, ["x", 1]]),
        (Answer([[]]), [70, 5, {}, [[]]]),
        (Answer((), {"utp": "x"}), [70, 5, {}, [], {"utp": "x"}]),
        (Answer(({"a": (1, 2)},)), [70, 5, {}, [{"a": [1, 2]}]]),
    ],
)
async def test_an_answer_goes_out_as_yield(
    router: Router, answer: Answer, wire: list[object]
) -> None:
    await offer(router, answering(answer))

    router.says([68, 5, 99, {}])
    await settle()

    assert router.sent == [wire]


async def test_a_handler_gets_arguments_and_caller(router: Router) -> None:
    calls: list[Call] = []

    async def handler(call: Call) -> Answer:
        calls.append(call)
        return Answer()

    await offer(router, handler)

    router.says(
        [68, 5, 99, {"caller": 1, "caller_authid": "501", "caller_authrole": "user"}, [1], {"k": 2}]
    )
    router.says([68, 6, 99, {"caller_authid": None}])
    await settle()

    assert calls == [Call([1], {"k": 2}, "501"), Call((), {}, None)]


async def test_what_a_handler_refuses_has_the_one_shape(router: Router) -> None:
    async def handler(_: Call) -> Answer:
        raise BadRequest("failed to parse app_key")

    await offer(router, handler)

    router.says([68, 5, 99, {}])
    await settle()

    error = {"error": "failed to parse app_key"}
    assert router.sent == [[8, 68, 5, {}, "wamp.error.canceled", [error]]]


async def test_what_a_handler_breaks_has_the_same_shape_and_no_detail(router: Router) -> None:
    async def handler(_: Call) -> Answer:
        raise KeyError("inside")

    await offer(router, handler)

    router.says([68, 5, 99, {}])
    await settle()

    error = {"error": "internal error"}
    assert router.sent == [[8, 68, 5, {}, "wamp.error.canceled", [error]]]


async def test_an_answer_that_cannot_be_sent_is_an_error(router: Router) -> None:
    await offer(router, answering(Answer([b"x"])))

    router.says([68, 5, 99, {}])
    await settle()

    assert router.last[:5] == [8, 68, 5, {}, "wamp.error.canceled"]


async def test_an_interrupt_is_answered_at_once_and_what_comes_later_is_dropped(
    router: Router,
) -> None:
    stopped = asyncio.Event()

    async def stubborn(_: Call) -> Answer:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
        return Answer(["late"])

    await offer(router, stubborn)
    router.says([68, 5, 99, {}])
    await settle()

    router.says([69, 5, {"mode": "kill"}])

    assert router.sent == [[8, 68, 5, {}, "wamp.error.canceled"]]
    await settle()
    assert stopped.is_set()
    assert len(router.sent) == 1


async def test_the_timeout_of_a_call_is_an_interrupt(router: Router) -> None:
    await offer(router, hang)

    router.says([68, 5, 99, {"timeout": 10}])
    while not router.sent:
        await asyncio.sleep(0.005)

    assert router.sent == [[8, 68, 5, {}, "wamp.error.canceled"]]


async def test_a_call_of_nothing_is_an_error_and_not_the_end(router: Router) -> None:
    router.says([68, 5, 1234, {}])

    [[*head, args]] = router.sent
    assert head == [8, 68, 5, {}, "wamp.error.invalid_argument"]
    assert isinstance(args, list)
    assert len(args) == 1
    assert router.session.connected


async def test_a_call_may_follow_its_registration_in_the_same_packet(router: Router) -> None:
    task = asyncio.create_task(router.session.register("a.b", answering(Answer(["yes"]))))
    await settle()

    router.says([65, 1, 99], [68, 5, 99, {}])
    await task
    await settle()

    assert router.last == [70, 5, {}, ["yes"]]


async def test_a_procedure_that_was_taken_over_is_answered_no_more(router: Router) -> None:
    await offer(router, answering(Answer()))

    router.says([67, 0, {"registration": 99, "reason": "taken"}], [68, 5, 99, {}])

    assert router.last[4] == "wamp.error.invalid_argument"


async def test_handlers_end_with_the_session(router: Router) -> None:
    stopped = asyncio.Event()

    async def handler(_: Call) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return Answer()

    await offer(router, handler)
    router.says([68, 5, 99, {}])
    await settle()

    router.lose()
    await settle()

    assert stopped.is_set()
    assert router.sent == []


# --- events


async def test_events_wait_for_each_other_whatever_they_belong_to(router: Router) -> None:
    seen: list[object] = []
    gate = asyncio.Event()

    async def slow(event: Event) -> None:
        seen.append(event.args[0])
        await gate.wait()

    async def quick(event: Event) -> None:
        seen.append(event.args[0])

    await listen(router, slow, 55)
    await listen(router, quick, 56)

    router.says([36, 55, 1, {}, ["a"]], [36, 56, 2, {}, ["b"]], [36, 55, 3, {}, ["c"]])
    await settle()
    assert seen == ["a"]
    gate.set()
    await settle()

    assert seen == ["a", "b", "c"]


async def test_an_event_is_whole(router: Router) -> None:
    heard: list[Event] = []

    async def listener(event: Event) -> None:
        heard.append(event)

    await listen(router, listener)

    router.says([36, 55, 1, {}, [7, {"id": 5}], {"k": 1}], [36, 55, 2, {}])
    await settle()

    assert heard == [Event("topic", [7, {"id": 5}], {"k": 1}), Event("topic", (), {})]


async def test_an_event_of_nothing_is_ignored(router: Router) -> None:
    router.says([36, 1234, 1, {}, ["a"]])
    await settle()

    assert router.session.connected


# --- a router is no enemy, and no saint


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[",
        b"{}",
        b"[]",
        b"[999]",
        b'["x"]',
        b"\xff\xfe",
        b"[36]",
        b"[68, 5]",
        b"[48, 1, {}, 5]",
    ],
)
async def test_what_is_no_message_is_skipped(router: Router, payload: bytes) -> None:
    router.session.received(payload)

    assert router.session.connected


async def test_the_caller_of_what_cannot_be_understood_is_told(router: Router) -> None:
    router.says([68, 5, 99, "no details"])

    assert router.last[:5] == [8, 68, 5, {}, "wamp.error.invalid_argument"]


async def test_answers_that_nobody_waits_for_are_skipped(router: Router) -> None:
    router.says([50, 77, {}], [17, 77, 1], [8, 48, 77, {}, "x.y"], [35, 77], [67, 77], [69, 77, {}])

    assert router.session.connected
