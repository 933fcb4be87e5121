"""What the device asks of the router, message by message (docs/contract/wamp.md 1.5, 1.6, 1.11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TypeVar

import pytest

from reagent.errors import CallFailed, DeadlineExceeded, NotConnected
from reagent.model.call import Answer, Call, Event
from tests.fakes.clock import settle
from tests.unit.adapters.wamp.conftest import Router

T = TypeVar("T")


async def asking(work: Coroutine[object, object, T]) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    await settle()
    return task


async def handler(_: Call) -> Answer:
    return Answer(["yes"])


async def listener(_: Event) -> None:
    return


# --- calls


async def test_what_is_empty_is_not_sent(router: Router) -> None:
    task = await asking(router.session.call("a.b"))

    assert router.sent == [[48, 1, {}, "a.b"]]
    router.says([50, 1, {}])
    assert await task == Answer()


async def test_a_call_and_its_result(router: Router) -> None:
    task = await asking(router.session.call("a.b", 1, "x", kwargs={"k": None}))

    assert router.sent == [[48, 1, {}, "a.b", [1, "x"], {"k": None}]]
    router.says([50, 1, {}, ["r"], {"q": 2}])
    assert await task == Answer(["r"], {"q": 2})


async def test_results_find_their_calls_in_any_order(router: Router) -> None:
    first = await asking(router.session.call("a"))
    second = await asking(router.session.call("b"))

    router.says([50, 2, {}, ["for b"]], [50, 1, {}, ["for a"]])

    assert (await first).args == ["for a"]
    assert (await second).args == ["for b"]


async def test_an_error_holds_its_uri_and_its_arguments(router: Router) -> None:
    task = await asking(router.session.call("a.b"))

    router.says([8, 48, 1, {}, "some.error", ["Duplicate value", {"error": "x"}], {"k": 1}])

    with pytest.raises(CallFailed) as caught:
        await task
    assert caught.value.uri == "some.error"
    for part in ("some.error", "Duplicate value", '"error": "x"', '"k": 1'):
        assert part in str(caught.value)


async def test_an_error_without_a_proper_uri_is_an_answer_and_not_the_end(router: Router) -> None:
    task = await asking(router.session.call("a.b"))

    router.says([8, 48, 1, {}, "it is all wrong", ["Duplicate value"]])

    with pytest.raises(CallFailed, match="it is all wrong, Duplicate value"):
        await task
    assert router.session.connected


async def test_an_error_of_another_kind_of_request_is_not_for_a_call(router: Router) -> None:
    task = await asking(router.session.call("a.b"))

    router.says([8, 64, 1, {}, "some.error"])
    await settle()

    assert not task.done()
    router.says([50, 1, {}])
    await task


async def test_on_the_deadline_the_call_is_cancelled_and_a_late_result_is_no_trouble(
    router: Router,
) -> None:
    with pytest.raises(DeadlineExceeded):
        await router.session.call("a.b", deadline=0.01)

    assert router.last == [49, 1, {"mode": "killnowait"}]
    router.says([50, 1, {}, ["late"]])
    router.says([8, 48, 1, {}, "wamp.error.canceled"])
    assert router.session.connected


async def test_a_caller_that_is_cancelled_cancels_the_call(router: Router) -> None:
    task = await asking(router.session.call("a.b"))

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert router.last == [49, 1, {"mode": "killnowait"}]


async def test_progress_that_nobody_asked_for_is_ignored(router: Router) -> None:
    task = await asking(router.session.call("a.b"))

    router.says([50, 1, {"progress": True}, [1]], [50, 1, {}, [2]])

    assert (await task).args == [2]


async def test_bytes_are_never_sent(router: Router) -> None:
    with pytest.raises(CallFailed, match="bytes"):
        await router.session.call("a.b", b"x")

    assert router.sent == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
async def test_what_json_has_no_word_for_is_never_sent(router: Router, value: object) -> None:
    with pytest.raises(CallFailed):
        await router.session.publish("topic", value)

    assert router.sent == []


async def test_half_a_character_costs_a_question_mark_not_the_message(router: Router) -> None:
    await router.session.publish("topic", "a\udc80b")

    assert router.last == [16, 1, {}, "topic", ["a?b"]]


async def test_debugging_names_messages_and_never_shows_them(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="autobahn")
    task = await asking(router.session.call("a.b", "a secret"))

    router.says([50, 1, {}, ["another"]])
    await task

    assert caplog.messages == ["sent Call", "received Result"]


# --- publications


async def test_a_publication_is_fire_and_forget(router: Router) -> None:
    await router.session.publish("topic", {"a": 1})
    await router.session.publish("topic")

    assert router.sent == [[16, 1, {}, "topic", [{"a": 1}]], [16, 2, {}, "topic"]]


@pytest.mark.parametrize(
    "topic", ["", "reswarm.logs.1.prod_1_a b", "a..b", "a.b.", "a.b#c", "a\tb"]
)
@pytest.mark.parametrize("acknowledge", [True, False])
async def test_what_a_router_would_end_the_session_for_is_never_published(
    router: Router, topic: str, *, acknowledge: bool
) -> None:
    with pytest.raises(CallFailed, match="is no topic"):
        await router.session.publish(topic, {"a": 1}, acknowledge=acknowledge)

    assert router.sent == []


async def test_an_acknowledged_publication_waits(router: Router) -> None:
    task = await asking(router.session.publish("topic", "x", acknowledge=True))

    assert router.sent == [[16, 1, {"acknowledge": True}, "topic", ["x"]]]
    assert not task.done()
    router.says([17, 1, 5])
    await task


async def test_a_publication_that_is_refused_says_why(router: Router) -> None:
    task = await asking(router.session.publish("topic", acknowledge=True))

    router.says([8, 16, 1, {}, "wamp.error.not_authorized"])

    with pytest.raises(CallFailed, match="not_authorized"):
        await task


async def test_a_publication_waits_for_room_on_the_network(router: Router) -> None:
    router.room.clear()
    task = await asking(router.session.publish("topic"))
    assert router.sent == []

    router.room.set()
    await task

    assert router.sent == [[16, 1, {}, "topic"]]


async def test_a_network_without_room_is_not_waited_for_for_ever(router: Router) -> None:
    router.room.clear()

    with pytest.raises(DeadlineExceeded):
        await router.session.publish("topic")


# --- registrations


@pytest.mark.parametrize(("force", "options"), [(True, {"force_reregister": True}), (False, {})])
async def test_a_registration_by_force_and_without(
    router: Router,
    force: bool,  # noqa: FBT001 - a table
    options: dict[str, object],
) -> None:
    task = await asking(router.session.register("a.b", handler, force=force))

    assert router.sent == [[64, 1, options, "a.b"]]
    router.says([65, 1, 99])
    assert (await task).id == 99


async def test_a_registration_that_is_refused_says_why(router: Router) -> None:
    task = await asking(router.session.register("a.b", handler))

    router.says([8, 64, 1, {}, "wamp.error.procedure_already_exists", ["taken"]])

    with pytest.raises(CallFailed, match=r"wamp\.error\.procedure_already_exists") as caught:
        await task
    assert caught.value.uri == "wamp.error.procedure_already_exists"


async def test_an_answer_of_the_router_is_waited_for_within_bounds(router: Router) -> None:
    with pytest.raises(DeadlineExceeded, match=r"REGISTERED for a\.b"):
        await router.session.register("a.b", handler)
    with pytest.raises(DeadlineExceeded, match="SUBSCRIBED for topic"):
        await router.session.subscribe("topic", listener)
    with pytest.raises(DeadlineExceeded, match="PUBLISHED for topic"):
        await router.session.publish("topic", acknowledge=True)


async def test_what_is_registered_too_late_is_given_back(router: Router) -> None:
    with pytest.raises(DeadlineExceeded):
        await router.session.register("a.b", handler)

    router.says([65, 1, 99])

    assert router.last == [66, 2, 99]


async def test_a_registration_is_withdrawn_once(router: Router) -> None:
    task = await asking(router.session.register("a.b", handler))
    router.says([65, 1, 99])
    handle = await task

    removing = await asking(handle.remove())

    assert router.last == [66, 2, 99]
    router.says([67, 2])
    await removing


async def test_withdrawing_what_is_gone_is_fine(router: Router) -> None:
    task = await asking(router.session.register("a.b", handler))
    router.says([65, 1, 99])
    handle = await task
    removing = await asking(handle.remove())

    router.says([8, 66, 2, {}, "wamp.error.no_such_registration"])

    await removing


# --- subscriptions


async def test_a_subscription_has_no_options(router: Router) -> None:
    task = await asking(router.session.subscribe("reswarm.device.%d.list/ondestroy", listener))

    assert router.sent == [[32, 1, {}, "reswarm.device.%d.list/ondestroy"]]
    router.says([33, 1, 55])
    assert (await task).id == 55


async def test_the_router_is_told_when_the_last_listener_goes(router: Router) -> None:
    async def another(_: Event) -> None:
        return

    first = await asking(router.session.subscribe("topic", listener))
    router.says([33, 1, 55])
    second = await asking(router.session.subscribe("topic", another))
    router.says([33, 2, 55])

    await (await first).remove()
    assert len(router.sent) == 2
    removing = await asking((await second).remove())

    assert router.last == [34, 3, 55]
    router.says([35, 3])
    await removing


# --- nobody there


async def test_when_the_session_ends_everybody_who_waits_learns_it(router: Router) -> None:
    tasks = [
        await asking(router.session.call("a")),
        await asking(router.session.call("b", deadline=60)),
    ]
    registering = await asking(router.session.register("c", handler))

    router.lose()

    for task in tasks:
        with pytest.raises(NotConnected, match=r"^not connected$"):
            await task
    with pytest.raises(NotConnected):
        await registering


async def test_withdrawing_after_the_end_is_fine_and_sends_nothing(router: Router) -> None:
    task = await asking(router.session.register("a.b", handler))
    router.says([65, 1, 99])
    handle = await task
    router.sent.clear()
    router.says([6, {}, "wamp.close.system_shutdown"])

    async with asyncio.timeout(20):
        await handle.remove()

    assert router.sent == [[6, {}, "wamp.close.goodbye_and_out"]]
