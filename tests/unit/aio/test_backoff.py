from __future__ import annotations

import pytest

from reagent.aio.backoff import full_jitter


@pytest.mark.parametrize(
    ("failures", "window"), [(0, 0), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)]
)
def test_the_window_doubles_up_to_the_cap(failures: int, window: float) -> None:
    assert full_jitter(failures, 0.5) == pytest.approx(window / 2)


def test_the_die_reaches_the_whole_window() -> None:
    assert full_jitter(3, 0.0) == 0
    assert full_jitter(3, 0.9999) == pytest.approx(4, abs=0.01)


def test_a_huge_count_is_no_overflow() -> None:
    assert full_jitter(10**9, 0.5) == pytest.approx(30)
