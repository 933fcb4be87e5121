from __future__ import annotations

import asyncio

import pytest

from reagent.apps.watch import ours
from reagent.model.app import AppKey, State
from tests.fakes.clock import settle
from tests.unit.apps.rig import Rig


async def _running(rig: Rig, stage: str = "PROD") -> None:
    """App 1 runs and is watched; what was reported until then is forgotten."""
    prefix = stage.lower()
    rig.engine.has_image(rig.image("1.0.0" if stage == "PROD" else "", stage=prefix))
    await rig.apps.boot()
    await rig.ask("RUNNING", "PRESENT", stage=stage, present_version="1.0.0")
    await rig.clock.pass_time(2)
    rig.cloud.reports.clear()


@pytest.mark.parametrize(
    ("name", "app"),
    [
        ("dev_1336_myapp", AppKey(1336, "DEV")),
        ("prod_6_my_app", AppKey(6, "PROD")),
        ("pub_6_myapp", None),
        ("weird_6_app", None),
        ("not-a-container", None),
        ("prod_x_app", None),
        ("prod_6_", None),
    ],
)
def test_only_names_that_an_agent_gives_are_ours(name: str, app: AppKey | None) -> None:
    assert ours(name) == app


async def test_a_release_that_dies_fails_and_starts_again(rig: Rig) -> None:
    await _running(rig)

    rig.engine.crash("prod_1_app", 3)
    await rig.clock.pass_time(0.2)
    await rig.cloud.until_told("FAILED")
    await rig.clock.pass_time(6)
    await rig.cloud.until_told("RUNNING")

    assert rig.cloud.told == ["FAILED", "STARTING", "RUNNING"]
    assert rig.logs.told("prod_1_app: App (PROD) exited with exit code 3")
    assert rig.logs.told("crashed for the 1st time")


async def test_a_release_that_dies_again_and_again_is_noticed_each_time(rig: Rig) -> None:
    await _running(rig)
    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(0.2)
    await rig.cloud.until_told("FAILED")
    await rig.clock.pass_time(6)
    await rig.cloud.until_told("RUNNING")
    await rig.clock.pass_time(2)

    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(21)
    await rig.apps.settled()

    assert rig.cloud.told == ["FAILED", "STARTING", "RUNNING"] * 2
    assert rig.logs.told("crashed for the 2nd time")


async def test_a_death_is_noticed_when_only_the_death_before_it_was_seen(rig: Rig) -> None:
    await _running(rig)
    rig.engine.program(rig.image("1.0.0"), exits_with=3)
    rig.engine.crash("prod_1_app", 3)
    await rig.clock.pass_time(0.2)
    await rig.cloud.until_told("FAILED")
    await rig.clock.pass_time(8)  # it is started again and dies in the start
    rig.engine.program(rig.image("1.0.0"))
    rig.cloud.reports.clear()
    while "RUNNING" not in rig.cloud.told:  # and no moment longer, or it is seen running
        await rig.clock.pass_time(0.05)
    told = len(rig.cloud.told)

    rig.engine.crash("prod_1_app", 3)
    await rig.clock.pass_time(3)
    await rig.apps.settled()

    assert rig.cloud.told[told:] == ["FAILED"]


async def test_a_working_copy_that_dies_fails_and_stays_so(rig: Rig) -> None:
    await _running(rig, "DEV")

    rig.engine.crash("dev_1_app", 0)
    await rig.clock.pass_time(0.2)
    await rig.cloud.until_told("FAILED")
    await rig.clock.pass_time(30)

    assert rig.cloud.told == ["FAILED"]
    assert rig.logs.told("exited with exit code 0")


async def test_a_death_without_a_link_is_stored_and_the_app_starts_again(rig: Rig) -> None:
    await _running(rig)
    rig.cloud.go_offline()

    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(2)
    died = rig.app().state
    await rig.clock.pass_time(6)
    await rig.apps.settled()

    assert died == State.FAILED
    assert rig.app().state == State.RUNNING


async def test_a_death_that_cannot_be_reported_is_followed_by_a_start_all_the_same(
    rig: Rig,
) -> None:
    await _running(rig)
    rig.cloud.refuses_state = "FAILED"

    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(8)
    await rig.cloud.until_told("RUNNING")

    assert rig.cloud.told == ["STARTING", "RUNNING"]


async def test_a_container_that_somebody_started_is_brought_to_its_target(rig: Rig) -> None:
    await rig.begin("PRESENT")
    rig.engine.has_image(rig.image("1.0.0"))
    await rig.apps.boot()
    rig.engine.has_container("prod_1_app", status="created", image=rig.image("1.0.0"))
    await settle()

    await rig.engine.start("prod_1_app")
    await rig.clock.pass_time(2)
    await rig.apps.settled()

    assert rig.cloud.told == ["RUNNING", "STOPPING", "STOPPING", "PRESENT"]
    assert rig.engine.names == []


async def test_a_death_is_noticed_at_once_while_the_list_does_not_show_it(rig: Rig) -> None:
    await _running(rig)
    rig.engine.list_lags()

    rig.engine.crash("prod_1_app", 3)
    await rig.clock.pass_time(0.2)
    await rig.cloud.until_told("FAILED")

    assert rig.cloud.told == ["FAILED"]
    assert rig.logs.told("exited with exit code 3")


async def test_a_container_that_somebody_restarted_runs_on(rig: Rig) -> None:
    await _running(rig)

    async def start_again() -> None:
        await rig.engine.start("prod_1_app")
        await settle()

    rig.cloud.meanwhile = start_again
    rig.engine.crash("prod_1_app", 143)
    await rig.clock.pass_time(3)
    await rig.apps.settled()

    assert rig.cloud.told == ["FAILED", "RUNNING", "RUNNING"]
    assert rig.engine.container("prod_1_app").status == "running"
    assert rig.logs.told("resume prod_1_app")


async def test_a_change_during_a_transition_is_looked_at_afterwards(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    await rig.apps.boot()
    rig.cloud.go_offline()
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")
    rig.cloud.come_online()
    await rig.app().lock.acquire()
    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(3)
    busy = list(rig.cloud.told)

    rig.app().lock.release()
    await rig.clock.pass_time(2)

    assert busy == []
    assert rig.cloud.told == ["FAILED"]


async def test_without_events_a_death_is_noticed_within_a_second(rig: Rig) -> None:
    await _running(rig)
    rig.engine._listeners.clear()
    rig.engine.refuse("events", "no events", times=1000)
    rig.apps._watch._events_flow = False
    rig.engine.container("prod_1_app").status = "exited"

    await rig.clock.pass_time(1.1)

    assert rig.cloud.told == ["FAILED"]


async def test_an_event_that_got_lost_costs_ten_seconds(rig: Rig) -> None:
    await _running(rig)
    rig.engine.container("prod_1_app").status = "dead"

    await rig.clock.pass_time(11)

    assert rig.cloud.told == ["FAILED"]


async def test_idle_apps_are_not_looked_at_every_second(rig: Rig) -> None:
    await _running(rig)
    before = rig.engine.asked.count("list_containers")

    await rig.clock.pass_time(60)

    assert rig.engine.asked.count("list_containers") - before <= 7


async def test_what_runs_inside_a_container_is_no_reason_to_look(rig: Rig) -> None:
    await _running(rig)
    before = rig.engine.asked.count("list_containers")

    for _ in range(5):
        rig.engine._tell(rig.engine.container("prod_1_app"), "exec_start: sh", "health_status")
        await rig.clock.pass_time(1)

    assert rig.engine.asked.count("list_containers") - before <= 1


async def test_a_paused_container_is_left_alone(rig: Rig) -> None:
    await _running(rig)

    rig.engine.become("prod_1_app", "paused")
    await rig.clock.pass_time(11)
    rig.engine.become("prod_1_app", "running")
    await rig.clock.pass_time(11)
    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(2)

    assert rig.cloud.told == ["FAILED"]


async def test_a_container_that_is_gone_is_not_watched(rig: Rig) -> None:
    await _running(rig)

    rig.engine.vanish("prod_1_app")
    await rig.clock.pass_time(2)

    assert "prod_1_app" not in rig.apps._watch
    assert rig.cloud.told == []


async def test_nothing_is_watched_that_is_not_there(rig: Rig) -> None:
    await rig.begin("RUNNING")
    await rig.begin("RUNNING", app_key=2)
    rig.engine.has_container("prod_2_app")

    await rig.apps._reconcile.observe()

    assert "prod_1_app" not in rig.apps._watch
    assert "prod_2_app" in rig.apps._watch


async def test_watching_survives_an_engine_that_goes_away(rig: Rig) -> None:
    await _running(rig)

    rig.engine.go_down()
    await rig.clock.pass_time(3)
    rig.engine.come_up()
    await rig.clock.pass_time(6)
    rig.engine.crash("prod_1_app")
    await rig.clock.pass_time(2)

    assert rig.cloud.told == ["FAILED"]


async def test_apps_that_missed_the_engine_start_when_it_is_back(rig: Rig) -> None:
    await _running(rig)
    await rig.ask("PRESENT", "RUNNING", present_version="1.0.0")
    rig.engine.go_down()
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")
    await rig.clock.pass_time(30)
    failed = rig.app().state
    rig.cloud.reports.clear()

    rig.engine.come_up()
    await rig.clock.pass_time(6)
    await rig.cloud.until_told("RUNNING")

    assert failed == State.FAILED
    assert rig.cloud.told[-2:] == ["STARTING", "RUNNING"]
    assert rig.logs.told("revive prod_1_app")


async def test_watching_ends_with_the_apps(rig: Rig) -> None:
    await _running(rig)

    async with asyncio.timeout(5):
        await rig.apps.close()

    assert len(rig.apps._background) == 0
