from __future__ import annotations

import pytest

from reagent.errors import BadRequest
from reagent.logs import window
from reagent.logs.window import SECOND

NOW = 1785834900 * SECOND  # 2026-08-04T09:15:00Z


def bound(value: object) -> str:
    instant = window.bound({"since": value}, "since", NOW)
    return "" if instant is None else window.rfc3339(instant)


@pytest.mark.parametrize("value", [200, 200.0, "200"])
def test_a_count_comes_in_any_numeric_form(value: object) -> None:
    assert window.count({"tail": value}, "tail") == 200


@pytest.mark.parametrize("request_", [{}, {"tail": None}])
def test_a_count_that_is_absent_or_null_is_zero(request_: dict[str, object]) -> None:
    assert window.count(request_, "tail") == 0


@pytest.mark.parametrize(
    "value",
    [
        -1,
        1.5,
        -2.0,
        float("nan"),
        float("inf"),
        "many",
        "",
        " 5",
        "-1",
        "1.0",
        "\u0663",
        [1],
        {},
        True,
        False,
    ],
)
def test_what_is_no_count_is_refused_by_name(value: object) -> None:
    with pytest.raises(BadRequest, match="offset"):
        window.count({"offset": value}, "offset")


@pytest.mark.parametrize(
    ("tail", "lines"), [(None, 200), (0, 200), (1, 1), (5000, 5000), (5001, 5000), (10**30, 5000)]
)
def test_a_tail_has_a_default_and_a_limit(tail: object, lines: int) -> None:
    assert window.lines_wanted({"tail": tail}, 200) == lines


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-08-04T09:00:00Z", "2026-08-04T09:00:00Z"),
        ("2026-08-04T11:00:00+02:00", "2026-08-04T09:00:00Z"),
        ("2026-08-04T04:30:00.25-04:30", "2026-08-04T09:00:00Z"),
        (" 2026-08-04T09:00:00Z\n", "2026-08-04T09:00:00Z"),
        ("30m", "2026-08-04T08:45:00Z"),
        ("-2h", "2026-08-04T07:15:00Z"),
        ("1h30m", "2026-08-04T07:45:00Z"),
        ("1.5h", "2026-08-04T07:45:00Z"),
        (".5h", "2026-08-04T08:45:00Z"),
        ("90000ms", "2026-08-04T09:13:30Z"),
        ("60000000us", "2026-08-04T09:14:00Z"),
        ("60000000\u00b5s", "2026-08-04T09:14:00Z"),
        ("60000000\u03bcs", "2026-08-04T09:14:00Z"),
        ("60000000000ns", "2026-08-04T09:14:00Z"),
        ("0", "2026-08-04T09:15:00Z"),
        ("1785852000", "2026-08-04T14:00:00Z"),
        ("30", "1970-01-01T00:00:30Z"),
        ("-5", "1969-12-31T23:59:55Z"),
    ],
)
def test_a_bound_is_an_instant_a_duration_or_unix_seconds(text: str, instant: str) -> None:
    assert bound(text) == instant


@pytest.mark.parametrize(
    "value",
    [
        " ",
        "yesterday",
        "2026-08-04",
        "2026-08-04 09:00:00Z",
        "2026-08-04T09:00:00",
        "2026-13-04T09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-08-04T09:00:61Z",
        "0001-01-01T00:00:00+23:59",
        "30 m",
        "m",
        "1h-30m",
        "5d",
        "9" * 19,
        "9999999999h",
        "9" * 400 + "h",
        5,
        2.5,
        True,
        [],
    ],
)
def test_what_is_no_time_is_refused_by_name(value: object) -> None:
    with pytest.raises(BadRequest, match="since"):
        bound(value)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_no_bound(value: object) -> None:
    assert window.bound({"since": value}, "since", NOW) is None


def test_a_stamp_is_read_to_the_nanosecond() -> None:
    instant = window.parse_rfc3339("2026-08-04T09:12:04.123456789Z")

    assert instant == 1785834724_123456789


def test_the_oldest_lines_make_room_for_the_limit() -> None:
    assert window.trim(["aaa", "bbb", "ccc"], 8) == (["bbb", "ccc"], True)


def test_lines_within_the_limit_stay() -> None:
    assert window.trim(["aaa", "bbb"], 100) == (["aaa", "bbb"], False)


def test_lines_are_weighed_in_bytes() -> None:
    assert window.trim(["\u00e4\u00e4", "\u00e4"], 8) == (["\u00e4\u00e4", "\u00e4"], False)
    assert window.trim(["\u00e4\u00e4", "\u00e4"], 7) == (["\u00e4"], True)
