from __future__ import annotations

import pytest

from reagent.errors import BadRequest
from reagent.logs.history import LIMIT, History, Source, from_container
from tests.unit.logs.device import APP, Device


def test_notices_do_not_defeat_the_limit() -> None:
    history = History()

    history.add([f"line-{number}" for number in range(LIMIT)])
    history.note("stopped")
    history.add(["more"])

    assert len(history.texts()) == LIMIT
    assert history.texts()[-2:] == ["stopped", "more"]
    assert history.texts()[0] == "line-2"


def test_of_a_large_batch_the_newest_are_kept() -> None:
    history = History()

    history.add([str(number) for number in range(1000)])

    assert history.texts() == [str(number) for number in range(900, 1000)]


def test_large_lines_are_kept_within_a_limit_of_their_own() -> None:
    history = History()

    for number in range(10):
        history.add([f"{number}".ljust(1024 * 1024, "x")])

    assert [text[0] for text in history.texts()] == ["6", "7", "8", "9"]


def test_a_cleared_history_has_room_again() -> None:
    history = History()
    history.add(["x" * 1024 * 1024] * 4)

    history.clear()
    history.add(["y" * 1024 * 1024] * 4)

    assert len(history.texts()) == 4


def test_entries_know_who_wrote_them() -> None:
    history = History()
    history.note("starting")
    before = history.heard

    history.add(["ready"])

    assert not before
    assert history.heard
    assert history.records() == [(Source.AGENT, "starting"), (Source.CONTAINER, "ready")]
    assert not from_container([])


async def test_stored_lines_are_answered_without_asking_the_engine(device: Device) -> None:
    await device.remember("line-1", "line-2")

    assert await device.logs.history(APP) == ["line-1", "line-2"]
    assert device.engine.asked == []


async def test_without_a_history_the_engine_s_last_lines_are_answered(device: Device) -> None:
    device.engine.has_container(APP)
    device.engine.print(APP, [f"line-{number}" for number in range(60)])

    assert await device.logs.history(APP) == [f"line-{number}" for number in range(10, 60)]


async def test_an_app_that_has_no_lines_yet_is_asked_for_at_the_engine(device: Device) -> None:
    await device.remember()
    device.engine.has_container(APP)
    device.engine.print(APP, ["one", "two"])

    assert await device.logs.history(APP) == ["one", "two"]


async def test_an_engine_without_an_answer_leaves_an_empty_list(device: Device) -> None:
    device.engine.refuse("logs", "driver failed")

    assert await device.logs.history(APP) == []


async def test_an_engine_that_is_away_leaves_what_is_stored(device: Device) -> None:
    device.engine.go_down()

    assert await device.logs.history(APP) == []


async def test_what_is_in_memory_wins_and_the_app_need_not_be_known(device: Device) -> None:
    device.engine.has_container(APP)
    device.engine.print(APP, ["now"])
    await device.logs.follow(APP)
    await device.settled()

    assert await device.logs.history(APP) == ["now"]

    await device.remember("then")

    assert await device.logs.history(APP) == ["now"]


async def test_notices_alone_are_followed_by_the_engine_s_last_lines(device: Device) -> None:
    await device.logs.revive([APP])
    await device.logs.notice(APP, "starting")
    device.engine.has_container(APP)
    device.engine.print(APP, ["ready"])

    assert await device.logs.history(APP) == ["starting", "ready"]


@pytest.mark.parametrize("name", ["not-valid", "", "prod_6", "prod_abc_app"])
async def test_a_name_that_is_none_is_refused(device: Device, name: str) -> None:
    with pytest.raises(BadRequest):
        await device.logs.history(name)


async def test_a_release_shares_the_history_of_the_developer_s_app(device: Device) -> None:
    await device.logs.revive(["pub_77_vision"])
    await device.logs.notice("pub_77_vision", "built")
    await device.logs.close()

    rows = await device.stored("DEV")

    assert rows == ["built"]


async def test_a_container_that_is_nobody_s_app_is_not_stored(device: Device) -> None:
    await device.logs.revive(["weird_6_app"])
    await device.logs.notice("weird_6_app", "hello")

    await device.logs.close()

    assert await device.logs.history("weird_6_app") == ["hello"]


async def test_clearing_empties_memory_and_database(device: Device) -> None:
    await device.remember("line-1")
    await device.logs.revive([APP])
    await device.logs.notice(APP, "starting")

    await device.logs.clear_history(APP)

    assert await device.logs.history(APP) == []
    assert await device.stored() == []


async def test_a_database_that_refuses_stops_nothing(device: Device) -> None:
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["one"])
    await device.store.close()

    device.engine.crash(APP)
    await device.settled()
    await device.logs.clear_history(APP)

    assert await device.logs.history(APP) == ["one"]  # what the engine has
