"""updates.trust.stages: who is next in a staged roll-out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reagent.updates.trust.stages import Stage, is_in, parsed, place, share

HOUR = 3600.0
BEGUN = 1_900_000_000.0
STAGE = Stage(
    version="1.4.0", begun=BEGUN, curve=((1, 1), (24, 10), (72, 100)), salt="b7f3", approved=True
)


def at(hours: float) -> float:
    return BEGUN + hours * HOUR


def test_the_vector_of_the_documents() -> None:
    # printf '\0\0\0\4b7f3sn-test-0001' | sha256sum | cut -c1-16  ->  75de10ee0276ed51
    assert place("b7f3", "SN-Test-0001") == 0x75DE10EE0276ED51 / 2**64


def test_case_of_a_serial_number_says_nothing_and_the_salt_everything() -> None:
    assert place("b7f3", "SN-TEST-0001") == place("b7f3", "sn-test-0001")
    assert place("b7f4", "SN-TEST-0001") != place("b7f3", "SN-TEST-0001")


def test_the_length_of_the_salt_keeps_it_apart_from_the_serial_number() -> None:
    assert place("ab", "c") != place("a", "bc")


@pytest.mark.parametrize(
    ("hours", "percent"),
    [(-1, 0), (0, 0), (0.5, 0.5), (1, 1), (12.5, 5.5), (24, 10), (48, 55), (72, 100), (999, 100)],
)
def test_between_two_points_the_share_grows_evenly(hours: float, percent: float) -> None:
    assert share(STAGE, at(hours)) == pytest.approx(percent / 100)


@pytest.mark.parametrize("hours", [24, 48, 72, 9999])
def test_unwatched_it_stops_at_ten_percent(hours: float) -> None:
    assert share(replace(STAGE, approved=False), at(hours)) == pytest.approx(0.10)


def test_while_it_is_held_time_stands_still() -> None:
    held = replace(STAGE, paused=at(12.5))

    assert share(held, at(12.5)) == share(held, at(999)) == pytest.approx(0.055)


def test_while_it_is_held_nobody_takes_it_and_then_it_goes_on() -> None:
    held = replace(STAGE, paused=at(72))

    assert not is_in(held, "SN-1", at(73), knows_time=True)
    assert not is_in(held, "SN-1", at(73), knows_time=False)
    assert is_in(replace(held, paused=0.0), "SN-1", at(73), knows_time=True)
    assert is_in(replace(held, critical=True), "SN-1", at(73), knows_time=True)


def test_who_is_in_stays_in() -> None:
    serials = [f"SN-{number}" for number in range(300)]
    before: set[str] = set()

    for hours in (1, 5, 24, 36, 48, 72):
        now = {each for each in serials if is_in(STAGE, each, at(hours), knows_time=True)}
        assert before <= now
        before = now

    assert before == set(serials)


def test_a_critical_fix_waits_for_nobody() -> None:
    critical = replace(STAGE, curve=(), approved=False, critical=True)

    assert is_in(critical, "SN-1", BEGUN, knows_time=False)
    assert share(critical, BEGUN) == 1.0


def test_a_device_whose_clock_nobody_set_is_the_last() -> None:
    assert not is_in(STAGE, "SN-1", at(71.9), knows_time=False)
    assert is_in(STAGE, "SN-1", at(72), knows_time=False)
    assert not is_in(replace(STAGE, approved=False), "SN-1", at(999), knows_time=False)


WRITTEN: dict[str, object] = {
    "version": "1.4.0",
    "begun": 1_900_000_000,
    "curve": [[1, 1], [24, 10], [72, 100]],
    "salt": "b7f3",
    "approved": True,
    "paused": 0,
    "critical": False,
    "a key of a later version": 7,
}


def test_a_stage_is_read_as_it_was_written() -> None:
    assert parsed(WRITTEN) == STAGE


@pytest.mark.parametrize(
    "other",
    [
        {"version": 7},
        {"version": ""},
        {"salt": None},
        {"begun": "now"},
        {"begun": -1},
        {"begun": True},
        {"curve": []},
        {"curve": "1h:1%"},
        {"curve": [[1]]},
        {"curve": [[1, 1], [1, 2]]},
        {"curve": [[1, 10], [2, 5]]},
        {"curve": [[1, 101]]},
        {"curve": [[1, float("nan")]]},
    ],
)
def test_what_is_no_stage_holds_nobody_up(other: dict[str, object]) -> None:
    assert parsed({**WRITTEN, **other}) is None


@pytest.mark.parametrize("value", [None, 7, [], "1.4.0"])
def test_what_is_no_object_is_no_stage(value: object) -> None:
    assert parsed(value) is None
