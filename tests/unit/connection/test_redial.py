from __future__ import annotations

import pytest

from reagent.connection.redial import Redial


def test_the_first_dial_goes_out_at_once() -> None:
    assert Redial().delay(0.999) == 0


def test_after_failures_every_second_window_doubles_up_to_a_minute() -> None:
    redial = Redial()
    windows = []

    for _ in range(14):
        redial.failed()
        windows.append(redial.delay(0.5) * 2)

    assert windows == pytest.approx([1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 60, 60])


def test_a_lost_session_makes_up_for_earlier_failures() -> None:
    redial = Redial()
    redial.failed()
    redial.failed()

    redial.ended(lived=3600, shutdown=False)

    assert redial.delay(0.999) == 0


def test_after_a_shutdown_the_first_dial_is_jittered() -> None:
    redial = Redial()

    redial.ended(lived=3600, shutdown=True)

    assert redial.delay(0.5) == pytest.approx(2)


@pytest.mark.parametrize(("ends", "window"), [(5, 0), (6, 1), (8, 4)])
def test_sessions_that_end_at_once_are_dialled_more_and_more_slowly(
    ends: int, window: float
) -> None:
    redial = Redial()

    for _ in range(ends):
        redial.ended(lived=0.1, shutdown=False)

    assert redial.delay(0.5) * 2 == pytest.approx(window)


def test_one_good_session_ends_the_suspicion() -> None:
    redial = Redial()
    for _ in range(20):
        redial.ended(lived=0.1, shutdown=False)

    redial.ended(lived=11, shutdown=False)

    assert redial.delay(0.999) == 0
