"""What the benchmarks say about what they measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.figures import Budget, Figure, Sample, percentile


def figure(ours: float, reference: float | None, budget: Budget) -> Figure:
    beside = None if reference is None else Sample.of([reference], "ms")
    return Figure("x", Sample.of([ours], "ms"), "y", beside, budget)


def test_the_ratio_is_that_of_the_medians() -> None:
    sample, reference = Sample.of([1, 2, 9], "s"), Sample.of([4, 4, 4], "s")

    ratio = Figure("x", sample, "y", reference).ratio

    assert ratio == pytest.approx(0.5)


def test_a_sample_shows_its_lowest_and_highest() -> None:
    sample = Sample.of([0.001, 0.002, 0.0305], "ms")

    assert sample.shown() == "2 ms (1-30.5)"


@pytest.mark.parametrize(
    ("ours", "reference", "budget", "shown"),
    [
        (0.012, 0.010, Budget(1.2, "x"), "<= 1.2 x"),
        (0.013, 0.010, Budget(1.2, "x"), "<= 1.2 x **over**"),
        (0.013, None, Budget(1.2, "x"), "<= 1.2 x ?"),
        (0.013, 0.010, Budget(0.013, "ms"), "<= 13 ms"),
        (0.014, 0.100, Budget(0.013, "ms"), "<= 13 ms **over**"),
    ],
)
def test_a_budget_is_of_the_ratio_or_of_the_value(
    ours: float, reference: float | None, budget: Budget, shown: str
) -> None:
    cells = figure(ours, reference, budget).cells()

    assert cells[-1] == shown


def test_ninety_nine_of_a_hundred_lie_within_the_percentile() -> None:
    values = list(range(100, 0, -1))

    within = percentile(values, 0.99)

    assert within == 100
    assert percentile(values, 0.5) == 51


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\n\n| old |\n\n{report.END}\nafter\n")

    report.write([figure(0.01, 0.02, Budget(1, "x"))], ["Measured: then."], page)

    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n\n| what |")
    assert text.endswith(f"Measured: then.\n\n{report.END}\nafter\n")
    assert "old" not in text
    assert "| x | 10 ms | 20 ms | y | 0.50 x | <= 1 x |" in text


def test_a_page_that_lost_its_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")

    with pytest.raises(ValueError, match="no place for the table"):
        report.write([], [], page)

    assert page.read_text() == "nothing here\n"
