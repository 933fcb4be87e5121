"""What the benchmarks say about what they measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report, where
from bench.figures import Budget, Figure, Sample, Table, percentile

HEAP = Table("Who owns it", ("owner", "MB"), (("**all**", "2.00"), ("us", "1.50")), "A note.")


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

    report.write([figure(0.01, 0.02, Budget(1, "x"))], [HEAP], ["Measured: then."], page)

    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n\n| what |")
    assert text.endswith(f"| us | 1.50 |\n\nA note.\n\n{report.END}\nafter\n")
    assert "Measured: then.\n\n### Who owns it\n\n| owner | MB |\n|---|---|\n" in text
    assert "old" not in text
    assert "| x | 10 ms | 20 ms | y | 0.50 x | <= 1 x |" in text


def test_a_page_that_lost_its_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")

    with pytest.raises(ValueError, match="no place for the table"):
        report.write([], [], [], page)

    assert page.read_text() == "nothing here\n"


def test_a_start_is_shared_out_among_kernel_imports_and_running() -> None:
    account: where.Account = {
        "begun": 10_000_000,
        "used": 100_000_000,
        "spent": {"reagent.api.a": 20_000_000, "reagent.api": 10_000_000, "ssl": 30_000_000},
        "code": {},
        "held": {},
    }

    rows = where.imports([account]).rows

    assert [(row[0].split(",")[0].split(":")[0], *row[1:]) for row in rows] == [
        ("**all of it**", "", "100.0", "100 %"),
        ("the kernel and the interpreter", "", "10.0", "10 %"),
        ("running", "", "30.0", "30 %"),
        ("importing", "3", "60.0", "60 %"),
        ("… reagent.api", "2", "30.0", "30 %"),
        ("… ssl", "1", "30.0", "30 %"),
    ]


def test_code_is_owned_by_its_module_and_objects_by_the_lines_that_asked_for_them() -> None:
    account: where.Account = {
        "begun": 0,
        "used": 0,
        "spent": {},
        "code": {"reagent.api.a": 2_000_000, "ssl": 1_000_000, "tiny": 1_000},
        "held": {
            "<reagent/api/__init__.py>": 500_000,
            "<ssl.py>": 250_000,
            "<frozen importlib._bootstrap>": 250_000,
            "<string>": 3_101_000,
        },
    }

    rows = {name: sizes for name, *sizes in where.owners(account).rows}

    assert rows["reagent.api"] == ["1", "2.00", "0.50", "2.50"]
    assert rows["ssl"] == ["1", "1.00", "0.25", "1.25"]
    assert rows["importlib"] == ["0", "0.00", "0.25", "0.25"]
    assert rows["methods that dataclasses and named tuples write"] == ["0", "0.00", "0.10", "0.10"]
    assert rows["others"] == ["1", "0.00", "0.00", "0.00"]
    assert rows["**all of it**"] == ["3", "3.00", "1.10", "4.10"]
