from __future__ import annotations

import pytest

from reagent.errors import NotConnected
from tests.unit.logs.device import APP, OTHER, Device, topic

# --- what the agent says --------------------------------------------------------------------------


async def test_a_notice_goes_out_on_the_container_s_topic(device: Device) -> None:
    await device.logs.notice(APP, "Starting vision...")

    [sent] = device.sent
    assert sent.topic == "reswarm.logs.SN-1.prod_77_vision"
    assert sent.args == ({"type": "build", "chunk": "Starting vision..."},)
    assert not sent.acknowledge


async def test_a_notice_is_remembered_once_the_container_has_been_heard_of(device: Device) -> None:
    await device.remember()
    await device.logs.notice(APP, "before")
    before = await device.logs.history(APP)
    await device.logs.revive([APP])

    await device.logs.notice(APP, "after")

    assert before == []
    assert await device.logs.history(APP) == ["after"]


async def test_clearing_the_remote_view_is_a_notice_that_is_not_remembered(device: Device) -> None:
    await device.logs.revive([APP])

    await device.logs.clear_remote(APP)

    assert device.messages() == [{"type": "build", "chunk": "LOGGER_CLEAR"}]
    assert await device.logs.history(APP) == []


async def test_without_a_link_a_notice_is_remembered_and_nothing_fails(device: Device) -> None:
    await device.logs.revive([APP])
    device.link.go_down()

    await device.logs.notice(APP, "starting")
    await device.logs.clear_remote(APP)

    assert device.sent == []
    assert await device.logs.history(APP) == ["starting"]


async def test_a_notice_comes_after_the_lines_that_were_before_it(device: Device) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["one", "two"])
    await device.settled()

    await device.logs.notice(APP, "stopped")

    assert device.lines() == ["one", "two", "<stopped>"]


# --- who listens ----------------------------------------------------------------------------------


async def test_a_listener_hears_everything_from_the_notice_to_the_last_line(
    device: Device,
) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    device.engine.has_image("app:1")
    device.engine.has_container(APP)

    await device.logs.notice(APP, "starting")
    device.engine.print(APP, ["first", "", "third"])
    await device.logs.follow(APP)
    for number in range(500):
        device.engine.print(APP, [f"line-{number}"])
        await device.settled() if number % 50 == 0 else None
    device.engine.print(APP, ["last"])
    await device.until("last")

    expected = ["<starting>", "first", "", "third"]
    expected += [f"line-{number}" for number in range(500)]
    assert device.lines() == [*expected, "last"]


async def test_nobody_listening_means_nothing_goes_out_but_everything_is_kept(
    device: Device,
) -> None:
    device.engine.has_container(APP)
    device.engine.print(APP, ["one", "two"])

    await device.logs.follow(APP)
    await device.settled()

    assert device.sent == []
    assert await device.logs.history(APP) == ["one", "two"]


async def test_the_router_is_asked_once_for_the_topic(device: Device) -> None:
    device.engine.has_container(APP)

    await device.logs.follow(APP)

    assert device.audience.asked_for == [topic(APP)]


async def test_a_listener_to_the_logs_of_all_devices_is_found(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    device.engine.print(APP, ["one"])

    await device.logs.follow(APP)
    await device.until("one")

    assert device.messages() == ["one"]


async def test_a_listener_who_comes_and_leaves_hears_what_is_printed_meanwhile(
    device: Device,
) -> None:
    await device.logs.subscribe_meta()
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["before"])
    await device.settled()

    await device.audience.opens(APP)
    device.engine.print(APP, ["meanwhile"])
    await device.settled()
    await device.audience.closes(APP)
    device.engine.print(APP, ["after"])
    await device.settled()

    assert device.lines() == ["meanwhile"]


async def test_one_container_s_listener_does_not_open_another_s_log(device: Device) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    device.engine.has_container(OTHER)
    device.engine.print(OTHER, ["one"])

    await device.logs.follow(OTHER)
    await device.settled()

    assert device.messages(OTHER) == []


async def test_a_listener_to_a_container_that_is_not_there_hears_it_when_it_comes(
    device: Device,
) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    await device.logs.notice(APP, "starting")
    asked = list(device.audience.asked_for)

    device.engine.has_container(APP)
    device.engine.print(APP, ["one"])
    await device.logs.follow(APP)
    await device.until("one")

    assert asked == device.audience.asked_for == []
    assert await device.logs.history(APP) == ["starting", "one"]


async def test_strangers_who_leave_leave_nothing_behind(device: Device) -> None:
    await device.logs.subscribe_meta()
    for number in range(10):
        await device.audience.opens(f"prod_{number}_x")
        await device.audience.closes(f"prod_{number}_x")

    await device.logs.notice("prod_1_x", "hello")
    await device.remember()

    assert await device.logs.history("prod_1_x") == []


async def test_a_look_up_that_fails_does_not_keep_the_log_from_being_read(device: Device) -> None:
    device.audience.fail("log_listener")
    device.engine.has_container(APP)
    device.engine.print(APP, ["one"])

    await device.logs.follow(APP)
    await device.settled()

    assert await device.logs.history(APP) == ["one"]


# --- the link -------------------------------------------------------------------------------------


async def test_meta_events_are_subscribed_on_the_current_session(device: Device) -> None:
    await device.logs.subscribe_meta()

    assert device.link.subscriptions == [
        "wamp.subscription.on_create",
        "wamp.subscription.on_delete",
    ]


async def test_without_a_session_subscribing_says_so(device: Device) -> None:
    device.link.go_down()

    with pytest.raises(NotConnected):
        await device.logs.subscribe_meta()


async def test_a_listener_who_comes_between_reviving_and_subscribing_is_found(
    device: Device,
) -> None:
    device.engine.has_container(APP)
    await device.logs.revive([APP])
    await device.audience.opens(APP)

    await device.logs.subscribe_meta()
    device.engine.print(APP, ["one"])
    await device.until("one")

    assert device.lines() == ["one"]


async def test_reviving_follows_every_app_that_runs(device: Device) -> None:
    device.audience.bridge()
    for container in (APP, OTHER):
        device.engine.has_container(container)
        device.engine.print(container, [f"from {container}"])

    await device.logs.revive([APP, OTHER, "prod_79_gone"])
    await device.until(f"from {APP}")
    await device.until(f"from {OTHER}", OTHER)

    assert device.lines() == [f"from {APP}"]
    assert device.lines(OTHER) == [f"from {OTHER}"]


async def test_a_reconnect_neither_reads_a_log_twice_nor_stops_reading_it(device: Device) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["one"])
    await device.until("one")

    device.link.go_down()
    device.engine.print(APP, ["two"])
    await device.settled()
    device.audience.move()
    await device.reconnect(APP)
    device.engine.print(APP, ["three"])
    await device.until("three")

    assert device.lines() == ["one", "three"]
    assert device.readers() == 1
    assert await device.logs.history(APP) == ["one", "two", "three"]


async def test_after_a_reconnect_the_listener_s_new_number_closes_the_gate(
    device: Device,
) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.link.go_down()
    device.audience.move()
    await device.reconnect(APP)

    await device.audience.closes(APP)
    device.engine.print(APP, ["one"])
    await device.settled()

    assert device.lines() == []


async def test_a_listener_who_left_while_we_were_away_is_forgotten(device: Device) -> None:
    await device.logs.subscribe_meta()
    await device.audience.opens(APP)
    device.engine.has_container(APP)
    await device.logs.follow(APP)

    device.link.go_down()
    await device.audience.closes(APP)
    await device.reconnect()
    device.engine.print(APP, ["one"])
    await device.settled()

    assert device.lines() == []


async def test_look_ups_that_fail_do_not_keep_the_other_apps_from_being_revived(
    device: Device,
) -> None:
    device.audience.fail("log_listener")
    for container in (APP, OTHER):
        device.engine.has_container(container)

    await device.logs.revive(["not a name", APP, OTHER])

    assert device.readers(APP) == device.readers(OTHER) == 1


async def test_a_log_that_was_read_to_its_end_is_not_read_again_on_every_reconnect(
    device: Device,
) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    device.engine.print(APP, ["one"])
    await device.logs.follow(APP)
    device.engine.crash(APP)
    await device.until("one")
    await device.settled()

    await device.logs.revive([APP])
    await device.settled()

    assert device.lines() == ["one"]


async def test_an_engine_that_comes_back_is_followed_again(device: Device) -> None:
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["one"])
    await device.settled()
    device.engine.go_down()
    await device.settled()
    await device.logs.revive([APP])  # with the engine still away: nothing happens

    device.engine.come_up()
    await device.logs.revive([APP])
    await device.settled()
    device.engine.print(APP, ["two"])
    await device.settled()

    assert device.readers() == 2
    assert (await device.logs.history(APP))[-1] == "two"


# --- the end --------------------------------------------------------------------------------------


async def test_closing_ends_the_readers_and_stores_what_was_kept(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["one", "two"])
    await device.settled()

    await device.logs.close()
    device.engine.print(APP, ["three"])
    await device.settled()

    assert await device.stored() == ["one", "two"]
    assert device.lines() == ["one", "two"]


async def test_after_closing_nothing_is_followed_any_more(device: Device) -> None:
    device.engine.has_container(APP)
    await device.logs.close()

    await device.logs.follow(APP)
    await device.logs.revive([APP])

    assert device.engine.asked == []
