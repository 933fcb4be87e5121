"""docs/contract/wamp.md 10: S1-S15, and what that section adds."""

from __future__ import annotations

import asyncio
import time

import pytest

from reagent.connection.link import Link
from reagent.connection.offline import NoRouter
from reagent.errors import AuthenticationRefused, NotConnected, NoTestament, SerialTaken
from reagent.model.call import Answer, Call, Event
from reagent.model.device import Status
from tests.fakes.clock import FakeClock, settle
from tests.unit.connection.conftest import SERIAL, Device

CLAIM = f"re.mgmt.{SERIAL}.wamp_connection_established"
TESTAMENT = "wamp.session.add_testament"
DESTROY = "reswarm.device.%d.list/ondestroy"
UNREGISTERED = "wamp.registration.on_unregister"


def connected(device: Device) -> bool:
    return device.link.connected


async def nothing(_: Call) -> Answer:
    return Answer()


async def test_s1_a_dial_that_succeeds_connects(device: Device) -> None:
    await device.start()

    assert connected(device)
    assert device.link.session_id == 12345


async def test_s2_after_close_it_is_not_connected(device: Device) -> None:
    await device.start()

    await device.link.close()

    assert not connected(device)
    assert device.dialer.session.left
    assert await device.outcome() is None


async def test_s3_closing_again_and_at_once_from_everywhere_is_safe(device: Device) -> None:
    await device.start()

    for _ in range(3):
        await device.link.close()
    await asyncio.gather(*(device.link.close() for _ in range(100)))

    assert not connected(device)


async def test_s4_asking_whether_it_is_connected_is_safe_from_everywhere(device: Device) -> None:
    await device.start()

    async def ask() -> bool:
        return device.link.connected

    assert all(await asyncio.gather(*(ask() for _ in range(100))))


async def test_s5_a_dial_that_fails_twice_is_made_a_third_time(device: Device) -> None:
    device.dialer.refuse(times=2)

    await device.start()
    await device.clock.advance(10)

    assert len(device.dialer.dialled) == 3
    assert connected(device)


async def test_a_dial_that_breaks_is_made_again(device: Device) -> None:
    device.dialer.break_once(UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"))

    await device.start()
    first = connected(device)
    await device.clock.advance(10)

    assert (first, len(device.dialer.dialled)) == (False, 2)
    assert connected(device)


async def test_s6_the_dialer_gets_the_identity_as_it_is_now(device: Device) -> None:
    await device.start()
    device.move_to_project(42)

    device.dialer.session.drop()
    await settle()

    assert [each.authid for each in device.dialer.dialled] == ["1-1", "42-1"]
    assert device.dialer.dialled[0].device_endpoint_url == "wss://router.example/ws"


async def test_s7_a_lost_session_is_noticed_at_once_and_dialled_at_once(device: Device) -> None:
    await device.start()
    first = device.dialer.session

    first.drop()

    assert not connected(device)
    await settle()
    assert connected(device)
    assert device.dialer.session is not first
    assert device.clock.monotonic() == 0


async def test_s8_every_later_session_says_reconnect(device: Device) -> None:
    await device.start()

    device.dialer.session.drop()
    await settle()

    assert device.flags == [False, True]


async def test_s9_five_drops_make_six_sessions(device: Device) -> None:
    await device.start()

    for _ in range(5):
        device.dialer.session.drop()
        await settle()

    assert len(device.dialer.sessions) == 6
    assert connected(device)


async def test_s10_a_drop_and_three_failing_dials_are_survived(device: Device) -> None:
    await device.start()
    device.dialer.refuse(times=3)

    device.dialer.session.drop()
    await device.clock.advance(30)

    assert connected(device)
    assert len(device.dialer.dialled) == 5


async def test_s11_a_sequence_that_breaks_leaves_the_session_alone(device: Device) -> None:
    seen: list[bool] = []

    async def broken(reconnect: bool) -> None:  # noqa: FBT001 - the callback of the link
        seen.append(reconnect)
        raise ValueError("broken")

    device.link.when_connected(broken)
    await device.start()

    for _ in range(2):
        device.dialer.session.drop()
        await settle()

    assert seen == [False, True, True]
    assert connected(device)


async def test_s12_closing_while_dials_fail_is_quick(device: Device) -> None:
    device.dialer.refuse(times=1_000)
    await device.start()
    started = time.monotonic()

    await device.link.close()

    assert time.monotonic() - started < 10
    assert not connected(device)
    assert await device.outcome() is None


async def test_closing_while_a_dial_hangs_is_quick(device: Device) -> None:
    device.dialer.hang()
    await device.start()
    started = time.monotonic()

    await device.link.close()

    assert time.monotonic() - started < 10
    assert await device.outcome() is None


async def test_closing_with_a_router_that_does_not_answer_is_quick(device: Device) -> None:
    await device.start()
    device.dialer.session.stall()
    started = time.monotonic()

    await device.link.close()

    assert time.monotonic() - started < 10
    assert not connected(device)


async def test_a_link_that_was_closed_before_it_ran_does_not_dial(device: Device) -> None:
    await device.link.close()

    await device.start()

    assert device.dialer.dialled == []


async def test_s13_the_last_sequence_told_wins(device: Device) -> None:
    flags: list[bool] = []

    async def last(reconnect: bool) -> None:  # noqa: FBT001 - the callback of the link
        flags.append(reconnect)

    device.link.when_connected(last)
    await device.start()

    assert flags == [False]
    assert device.flags == []


async def test_s14_before_the_first_session_everything_succeeds_and_nothing_happens() -> None:
    clock = FakeClock()
    device = Device()
    link = Link(NoRouter(), lambda: device.identity, clock)
    running = asyncio.create_task(link.run())
    await settle()

    async def hears(_: Event) -> None:
        raise AssertionError

    await link.publish("topic", 1)
    await link.register("procedure", nothing)
    handle = await link.subscribe("topic", hears)
    await handle.remove()

    assert await link.call("reswarm.devices.get_app_cred_key") == Answer()
    assert not link.connected
    assert link.session_id == 0
    await link.close()
    await running


def test_s15_the_words_for_the_status() -> None:
    assert [str(each) for each in Status] == [
        "CONFIGURING",
        "CONNECTED",
        "DISCONNECTED",
        "EMERGENCY",
    ]


async def test_between_sessions_everything_is_refused_at_once(device: Device) -> None:
    await device.start()
    device.dialer.hang()
    device.dialer.session.drop()
    await settle()

    with pytest.raises(NotConnected, match=r"^not connected$"):
        await device.link.call("procedure")
    with pytest.raises(NotConnected):
        await device.link.publish("topic")
    with pytest.raises(NotConnected):
        await device.link.register("procedure", nothing)


async def test_who_waits_for_an_answer_learns_that_the_session_is_gone(device: Device) -> None:
    await device.start()
    device.dialer.router.swallow("slow")
    waiting = asyncio.create_task(device.link.call("slow"))
    await settle()

    device.dialer.session.drop()

    with pytest.raises(NotConnected):
        await waiting


async def test_a_wrong_secret_ends_it(device: Device) -> None:
    device.dialer.refuse_secret()

    await device.start()

    assert isinstance(await device.outcome(), AuthenticationRefused)


async def test_a_secret_that_is_refused_later_ends_it_too(device: Device) -> None:
    await device.start()
    device.dialer.refuse_secret()

    device.dialer.session.drop()
    await settle()

    assert isinstance(await device.outcome(), AuthenticationRefused)


async def test_the_first_redial_after_a_shutdown_waits(device: Device) -> None:
    await device.start()

    device.dialer.session.goodbye_shutdown()
    await settle()

    assert len(device.dialer.dialled) == 1
    await device.clock.advance(2)
    assert len(device.dialer.dialled) == 2


async def test_failing_dials_wait_longer_and_never_more_than_a_minute(device: Device) -> None:
    device.clock.die = 0.999
    device.dialer.refuse(times=12)
    await device.start()

    await device.clock.advance(600)

    waits = [seconds for seconds in device.clock.slept if seconds != 30]
    assert waits[:6] == pytest.approx([0.999, 0.999, 1.998, 1.998, 3.996, 3.996])
    assert max(waits) < 60
    assert connected(device)


async def test_a_router_that_throws_us_out_again_and_again_is_not_hammered(device: Device) -> None:
    await device.start()

    for _ in range(40):
        device.dialer.session.drop()
        await settle()

    assert len(device.dialer.sessions) < 10


async def test_project_transfer_ends_the_session_and_dials_under_the_new_name(
    device: Device,
) -> None:
    await device.start()
    first = device.dialer.session
    device.move_to_project(7)

    device.link.request_reconnect()
    await settle()

    assert first.left
    assert device.dialer.dialled[-1].authid == "7-1"
    assert device.flags == [False, True]


async def test_a_sequence_is_cancelled_when_its_session_ends(device: Device) -> None:
    cancelled: list[bool] = []

    async def long(reconnect: bool) -> None:  # noqa: FBT001 - the callback of the link
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(reconnect)
            raise

    device.link.when_connected(long)
    await device.start()

    device.dialer.session.drop()
    await settle()

    assert cancelled == [False]


# On arrival.


async def test_on_arrival_serial_then_topics_and_testament(device: Device) -> None:
    await device.start()

    session = device.dialer.session
    assert [(each.procedure, each.force) for each in session.registrations] == [(CLAIM, False)]
    assert session.subscriptions == [DESTROY, UNREGISTERED]
    assert [each.procedure for each in session.calls] == [TESTAMENT]


async def test_the_testament_names_this_session(device: Device) -> None:
    await device.start()

    [testament] = device.dialer.session.calls
    assert testament.args == (
        "reswarm.api.testament_device",
        [
            {
                "swarm_key": 1,
                "device_key": 1,
                "serial_number": SERIAL,
                "wamp_session_id": 12345,
            }
        ],
        {},
    )
    assert testament.kwargs == {}
    assert testament.deadline == 10


async def test_the_serial_procedure_says_hello(device: Device) -> None:
    await device.start()

    assert await device.dialer.session.ask(CLAIM, caller="999") == Answer(["Hello :-)"])


async def test_other_procedures_are_taken_over_by_force(device: Device) -> None:
    await device.start()

    await device.link.register("re.mgmt.x.get_images", nothing)

    assert device.dialer.session.registrations[-1].force


@pytest.mark.parametrize("topic", [DESTROY, UNREGISTERED])
async def test_the_events_of_others_do_nothing(device: Device, topic: str) -> None:
    await device.start()

    await device.dialer.router.emit(topic, 7000000009, 8812345678)
    await settle()

    assert connected(device)


@pytest.mark.parametrize("topic", [DESTROY, UNREGISTERED])
async def test_a_topic_that_is_refused_is_no_trouble(device: Device, topic: str) -> None:
    device.dialer.router.forbid(topic)

    await device.start()

    assert connected(device)


async def test_a_serial_that_cannot_be_claimed_for_another_reason_is_no_trouble(
    device: Device,
) -> None:
    device.dialer.router.forbid(CLAIM)

    await device.start()

    assert connected(device)


async def test_the_eighth_rejection_of_the_serial_ends_it(device: Device) -> None:
    device.dialer.hold_serial(SERIAL)

    await device.start()
    await device.clock.advance(7)

    outcome = await device.outcome()
    assert isinstance(outcome, SerialTaken)
    assert SERIAL in str(outcome)
    assert len(device.dialer.sessions) == 8
    assert all(session.left for session in device.dialer.sessions)
    assert device.clock.slept == [1.0] * 7


async def test_the_seventh_rejection_of_the_serial_does_not(device: Device) -> None:
    rival = device.dialer.hold_serial(SERIAL)
    await device.start()
    await device.clock.advance(6.5)

    rival.drop()
    await device.clock.advance(1)

    assert connected(device)
    assert len(device.dialer.sessions) == 8


async def test_rejections_count_on_over_dials_that_fail(device: Device) -> None:
    device.dialer.hold_serial(SERIAL)
    await device.start()
    await device.clock.advance(3.5)
    device.dialer.refuse(times=2)

    await device.clock.advance(30)

    assert isinstance(await device.outcome(), SerialTaken)
    assert len(device.dialer.sessions) == 8


async def test_rejections_are_forgotten_once_the_serial_is_ours(device: Device) -> None:
    rival = device.dialer.hold_serial(SERIAL)
    await device.start()
    await device.clock.advance(5.5)
    rival.drop()
    await device.clock.advance(20)
    device.dialer.session.drop()
    device.dialer.hold_serial(SERIAL)

    await device.clock.advance(6.5)

    assert device.running is not None
    assert not device.running.done()


async def test_a_first_testament_that_is_refused_ends_it(device: Device) -> None:
    device.dialer.router.fail(TESTAMENT)

    await device.start()

    assert isinstance(await device.outcome(), NoTestament)
    assert device.dialer.session.left
    assert device.flags == []


async def test_a_first_testament_that_nobody_answers_is_left_with_another_dial(
    device: Device,
) -> None:
    device.dialer.router.swallow(TESTAMENT)
    await device.start()
    await device.clock.advance(11)
    assert not connected(device)
    assert device.dialer.sessions[0].left

    device.dialer.router.hear(TESTAMENT)
    await device.clock.advance(15)

    assert connected(device)
    assert device.flags == [False]


async def test_a_later_session_is_kept_without_a_testament(device: Device) -> None:
    await device.start()
    device.dialer.router.fail(TESTAMENT)

    device.dialer.session.drop()
    await settle()

    assert connected(device)


# The heartbeat.


async def test_a_beat_every_30_seconds_and_none_before(device: Device) -> None:
    await device.start()

    await device.clock.advance(29)
    assert device.beats == 0
    await device.clock.advance(1)
    assert device.beats == 1
    await device.clock.advance(60)
    assert device.beats == 3


async def test_one_failed_beat_is_forgiven(device: Device) -> None:
    await device.start()
    device.beat_fails = True
    await device.clock.advance(30)
    device.beat_fails = False
    await device.clock.advance(30)
    device.beat_fails = True

    await device.clock.advance(30)

    assert len(device.dialer.sessions) == 1


async def test_two_failed_beats_in_a_row_make_a_new_session_after_leaving_the_old_one(
    device: Device,
) -> None:
    await device.start()
    first = device.dialer.session
    device.beat_fails = True

    await device.clock.advance(60)

    assert first.left
    assert len(device.dialer.sessions) == 2
    assert connected(device)
    assert device.flags == [False, True]


async def test_a_new_session_starts_with_a_fresh_heartbeat(device: Device) -> None:
    await device.start()
    device.beat_fails = True
    await device.clock.advance(30)
    device.dialer.session.drop()
    await settle()

    await device.clock.advance(30)

    assert len(device.dialer.sessions) == 2


async def test_a_stalled_peer_is_left_behind(device: Device) -> None:
    await device.start()
    device.dialer.session.stall()
    device.beat_fails = True

    await device.clock.advance(60)
    await asyncio.sleep(1.2)
    await settle()

    assert len(device.dialer.sessions) == 2
    assert connected(device)
