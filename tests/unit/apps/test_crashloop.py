from __future__ import annotations

import pytest

from reagent.apps.crashloop import CrashLoop, delay, ordinal
from reagent.apps.tasks import Tasks
from reagent.model.app import AppKey, State, WantedApp
from tests.fakes.clock import FakeClock
from tests.unit.apps.rig import Rig


@pytest.mark.parametrize(
    ("attempt", "low", "high"),
    [(0, 4, 6), (1, 4, 6), (2, 16, 24), (27, 2880, 4320), (100, 2880, 4380), (1000, 2880, 4380)],
)
def test_the_pause_grows_with_the_square_of_attempts(attempt: int, low: int, high: int) -> None:
    shortest, longest = delay(attempt, 0.0), delay(attempt, 0.999999)

    assert shortest == pytest.approx(low)
    assert low < longest < high


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0th"), (1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (10, "10th"), (11, "11th"),
        (12, "12th"), (13, "13th"), (21, "21st"), (22, "22nd"), (23, "23rd"), (100, "100th"),
        (101, "101st"), (111, "111th"), (112, "112th"), (113, "113th"),
    ],
)  # fmt: skip
def test_attempts_are_counted_as_people_do(number: int, text: str) -> None:
    assert ordinal(number) == text


def _wanted(key: int = 1, target: str = "RUNNING") -> WantedApp:
    return WantedApp(app_key=key, app_name="app", stage="PROD", target=target)


class _Loop:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.retried: list[WantedApp] = []
        self.tasks = Tasks()
        self.crashes = CrashLoop(self.clock, self.tasks, self.retried.append)


async def test_the_first_crash_is_retried_with_its_own_request() -> None:
    loop = _Loop()

    retry = loop.crashes.enter(_wanted())
    await loop.clock.advance(4.9)
    early = list(loop.retried)
    await loop.clock.advance(0.2)

    assert (retry.attempt, retry.seconds) == (1, 5.0)
    assert early == []
    assert [(each.target, each.retrying) for each in loop.retried] == [("RUNNING", True)]


async def test_the_second_crash_waits_longer_and_repeats_the_first_request() -> None:
    loop = _Loop()

    loop.crashes.enter(_wanted())
    await loop.clock.advance(6)
    retry = loop.crashes.enter(_wanted(target="PRESENT"))
    await loop.clock.advance(21)

    assert (retry.attempt, retry.seconds) == (2, 20.0)
    assert [each.target for each in loop.retried] == ["RUNNING", "RUNNING"]


async def test_apps_crash_by_themselves_and_are_forgotten_by_themselves() -> None:
    loop = _Loop()

    loop.crashes.enter(_wanted(1))
    loop.crashes.enter(_wanted(2))
    both = len(loop.crashes)
    loop.crashes.forget(AppKey(1, "PROD"))
    loop.crashes.forget(AppKey(1, "PROD"))
    await loop.clock.advance(10)

    assert both == 2
    assert [each.app_key for each in loop.retried] == [2]


async def test_an_hour_without_a_crash_begins_the_count_anew() -> None:
    loop = _Loop()
    loop.crashes.enter(_wanted())
    await loop.clock.advance(5)
    loop.crashes.enter(_wanted())

    await loop.clock.advance(20 + 3601)
    retry = loop.crashes.enter(_wanted())

    assert retry.attempt == 1


async def test_a_dying_release_is_started_again_and_again(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.program(rig.image(), exits_with=1)

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")
    await rig.clock.pass_time(6)
    await rig.apps.settled()
    rig.engine.program(rig.image())
    await rig.clock.pass_time(21)
    await rig.apps.settled()

    assert rig.cloud.told == ["STARTING", "FAILED", "STARTING", "FAILED", "STARTING", "RUNNING"]
    assert rig.logs.told("crashed for the 1st time, it starts again in 5 seconds")
    assert rig.logs.told("crashed for the 2nd time, it starts again in 20 seconds")


async def test_somebody_who_asks_for_something_ends_the_crash_loop(rig: Rig) -> None:
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    await rig.ask("REMOVED", "FAILED", present_version="1.0.0")
    await rig.clock.pass_time(10)
    await rig.apps.settled()

    assert rig.cloud.told[-2:] == ["DELETING", "REMOVED"]


async def test_a_working_copy_that_failed_waits_for_its_developer(rig: Rig) -> None:
    await rig.ask("RUNNING", "PRESENT", stage="DEV")

    await rig.clock.pass_time(30)
    await rig.apps.settled()

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.app("DEV").state == State.FAILED
