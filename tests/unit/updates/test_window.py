"""updates.window: hours in which an automatic update may have its turn."""

from __future__ import annotations

import pytest

from reagent.updates.times import Times
from reagent.updates.window import ALWAYS, Window


def at(clock: str) -> str:
    return f"2031-05-06T{clock}:30+02:00"


@pytest.mark.parametrize(
    ("window", "clock", "open_"),
    [
        ("02:00-05:00", "02:00", True),
        ("02:00-05:00", "04:59", True),
        ("02:00-05:00", "05:00", False),
        ("02:00-05:00", "01:59", False),
        ("22:30-01:15", "23:59", True),
        ("22:30-01:15", "00:00", True),
        ("22:30-01:15", "01:15", False),
        ("22:30-01:15", "12:00", False),
    ],
)
def test_a_window_is_open_from_its_first_to_before_its_last_minute(
    window: str,
    clock: str,
    open_: bool,  # noqa: FBT001 - a table
) -> None:
    assert Window.parse(window).holds(at(clock)) is open_


@pytest.mark.parametrize("text", ["", "at night", "02:00", "24:00-25:00", "02:60-03:00", "2-5"])
def test_what_is_no_window_holds_up_nothing(text: str) -> None:
    assert Window.parse(text) == ALWAYS
    assert ALWAYS.holds(at("12:00"))


def test_a_moment_that_cannot_be_read_holds_up_nothing() -> None:
    assert Window.parse("02:00-05:00").holds("junk")


def test_both_are_set_from_outside() -> None:
    times = Times.of({"REAGENT_UPDATE_WINDOW": "02:00-05:00", "REAGENT_UPDATE_RATE": "50"})

    assert (times.window, times.rate) == (Window(120, 300), 50_000.0)
    assert Times.of({}).rate == 0.0


@pytest.mark.parametrize(
    ("word", "rate", "says"),
    [
        ("1", 1000.0, ""),
        ("2.5", 2500.0, ""),
        ("0.999", 1000.0, "REAGENT_UPDATE_RATE is '0.999': 1 kilobyte a second is used"),
        ("1e-300", 1000.0, "1 kilobyte a second is used"),
        ("fast", 0.0, "'fast', which is no rate: downloads have no limit"),
        ("0", 0.0, "no limit"),
        ("-50", 0.0, "no limit"),
        ("nan", 0.0, "no limit"),
        ("inf", 0.0, "no limit"),
        ("9" * 400, 0.0, "no limit"),
        ("x" * 400, 0.0, "no limit"),
    ],
)
def test_a_rate_that_would_hold_a_download_for_ever_is_none(
    word: str, rate: float, says: str
) -> None:
    times = Times.of({"REAGENT_UPDATE_RATE": word})

    assert times.rate == rate
    assert says in times.odd
    assert bool(says) == bool(times.odd)
    assert len(times.odd) < 140
