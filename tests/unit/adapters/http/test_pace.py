from __future__ import annotations

from reagent.adapters.http.pace import LEAST, Pace


def test_a_line_that_brings_enough_in_every_window_keeps_up() -> None:
    pace = Pace(window=30.0, longest=1e9)

    assert all(pace.keeps_up(LEAST // 3 + 1, 10.0) for _ in range(100))


def test_a_line_that_drips_is_given_up_after_a_window() -> None:
    pace = Pace(window=30.0, longest=1e9)

    kept = [pace.keeps_up(1, 1.0) for _ in range(30)]

    assert kept == [True] * 29 + [False]


def test_a_line_that_was_fast_and_drips_now_is_given_up_too() -> None:
    pace = Pace(window=30.0, longest=1e9)
    assert pace.keeps_up(10 * LEAST, 30.0)

    assert not pace.keeps_up(1, 30.0)


def test_time_that_nobody_waited_does_not_count() -> None:
    pace = Pace(window=30.0, longest=1e9)

    assert all(pace.keeps_up(1, 0.0) for _ in range(1000))


def test_there_is_an_end_to_all_waiting() -> None:
    pace = Pace(window=30.0, longest=100.0)

    kept = [pace.keeps_up(LEAST, 30.0) for _ in range(4)]

    assert kept == [True, True, True, False]
