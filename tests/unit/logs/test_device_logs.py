from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reagent.errors import BadRequest, NotFound
from reagent.logs.device_logs import LONGEST_LINE, backwards, query_device_logs

NOW = 1785834900.0  # 2026-08-04T09:15:00Z


def record(level: str, message: str, at: str = "09:00:00", **fields: str) -> str:
    return json.dumps(
        {
            "level": level,
            **fields,
            "caller": "reagent/agent.py:1",
            "time": f"2026-08-04T{at}Z",
            "message": message,
        }
    )


def shown(level: str, message: str, at: str = "09:00:00") -> str:
    return f"2026-08-04T{at}Z {level} {message}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reagent.log"


def write(file: Path, *lines: str) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def query(file: Path, **request: object) -> dict[str, object]:
    return query_device_logs(str(file), request, NOW)


def test_no_arguments_are_enough(file: Path) -> None:
    write(file, record("info", "agent started"))

    answer = query_device_logs(str(file), None, NOW)

    assert answer == {
        "lines": [shown("INFO", "agent started")],
        "returned": 1,
        "truncated": False,
        "files_scanned": 1,
        "device_time": "2026-08-04T09:15:00Z",
        "oldest_available": "2026-08-04T09:00:00Z",
    }


def test_debug_is_left_out_unless_asked_for(file: Path) -> None:
    write(file, record("debug", "d"), record("info", "i"), record("error", "e"))

    assert query(file)["lines"] == [shown("INFO", "i"), shown("ERROR", "e")]
    assert query(file, level="debug")["returned"] == 3


@pytest.mark.parametrize("level", ["warn", " WARN "])
def test_a_level_is_a_floor(file: Path, level: str) -> None:
    write(file, record("info", "i"), record("warn", "w"), record("error", "e"))

    assert query(file, level=level)["lines"] == [shown("WARN", "w"), shown("ERROR", "e")]


def test_an_unknown_level_is_info_on_both_sides(file: Path) -> None:
    write(file, record("debug", "d"), record("notice", "n"))

    assert query(file, level="chatty")["lines"] == [shown("NOTICE", "n")]


def test_a_level_that_is_no_text_is_refused(file: Path) -> None:
    write(file, record("info", "i"))

    with pytest.raises(BadRequest, match="level"):
        query(file, level=3)


def test_a_window_keeps_what_lies_in_it_bounds_included(file: Path) -> None:
    write(
        file,
        record("info", "before", "08:00:00"),
        record("info", "first", "09:00:00"),
        record("info", "inside", "09:05:00"),
        record("info", "last", "09:30:00"),
        record("info", "after", "10:00:00"),
    )

    answer = query(file, since="2026-08-04T09:00:00Z", until="2026-08-04T09:30:00Z")

    assert answer["returned"] == 3
    assert answer["truncated"] is False


def test_a_tail_keeps_the_newest_and_says_that_there_was_more(file: Path) -> None:
    write(file, *(record("info", f"line-{number}") for number in range(10)))

    answer = query(file, tail=3)

    assert answer["lines"] == [shown("INFO", f"line-{number}") for number in (7, 8, 9)]
    assert answer["truncated"] is True


def test_a_tail_that_fits_exactly_is_not_truncated(file: Path) -> None:
    write(file, record("debug", "d"), *(record("info", f"{number}") for number in range(3)))

    assert query(file, tail=3)["truncated"] is False


def test_rotated_files_come_first_the_oldest_first(file: Path) -> None:
    newer = file.with_name("reagent-2026-08-03T10-00-00.000.log")
    older = file.with_name("reagent-2026-08-02T10-00-00.000.log")
    write(file, record("info", "active"))
    write(newer, record("info", "newer", "08:00:00"))
    write(older, record("info", "older", "07:00:00"))
    write(file.with_name("other-2026.log"), record("info", "other"))
    write(file.with_name("reagent-2026.txt"), record("info", "other"))

    answer = query(file)

    assert answer["lines"] == [
        shown("INFO", "older", "07:00:00"),
        shown("INFO", "newer", "08:00:00"),
        shown("INFO", "active"),
    ]
    assert answer["files_scanned"] == 3
    assert answer["oldest_available"] == "2026-08-04T07:00:00Z"


def test_rotated_files_alone_are_enough(file: Path) -> None:
    write(file.with_name("reagent-1.log"), record("info", "rotated"))

    assert query(file)["returned"] == 1


def test_lines_that_are_no_records_stay_with_the_record_before_them(file: Path) -> None:
    write(
        file,
        "before everything",
        record("debug", "unwanted"),
        "  its stack",
        record("error", "broken", "09:10:00"),
        "Traceback",
        "",
        "  in somewhere",
    )

    answer = query(file, since="2026-08-04T09:05:00Z")

    assert answer["lines"] == [
        "before everything",
        shown("ERROR", "broken", "09:10:00"),
        "Traceback",
        "  in somewhere",
    ]


def test_lines_that_are_no_records_stay_with_it_across_files(file: Path) -> None:
    write(file.with_name("reagent-1.log"), record("error", "broken"))
    write(file, "Traceback", record("info", "next"))

    assert query(file, level="error")["lines"] == [shown("ERROR", "broken"), "Traceback"]


def test_a_record_shows_its_error_and_nothing_else(file: Path) -> None:
    write(
        file,
        record("error", "failed to pull image", "09:05:00", error="unauthorized", stack="at x"),
    )

    assert query(file)["lines"] == ["2026-08-04T09:05:00Z ERROR failed to pull image: unauthorized"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"message":"m"}', "m"),
        ('{"level":"warn","message":"m"}', "WARN m"),
        ('{"time":"2026-08-04T11:00:00+02:00","message":"m"}', "2026-08-04T09:00:00Z m"),
        ('{"other":1}', '{"other":1}'),
        ('{"level":"info","mess', '{"level":"info","mess'),
        ("[1]", "[1]"),
        ("\ufffd \u00e4", "\ufffd \u00e4"),
    ],
)
def test_what_a_line_lacks_is_left_out(file: Path, line: str, expected: str) -> None:
    write(file, line)

    assert query(file)["lines"] == [expected]


def test_bytes_that_are_no_text_do_not_stop_the_answer(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\n" + record("info", "i").encode() + b"\r\n")

    assert query(file)["lines"] == ["\ufffd\ufffd", shown("INFO", "i")]


def test_a_window_after_everything_still_says_how_far_back_it_goes(file: Path) -> None:
    write(file, record("info", "i"))

    answer = query(file, since="2027-01-01T00:00:00Z")

    assert answer["lines"] == []
    assert answer["oldest_available"] == "2026-08-04T09:00:00Z"


def test_without_a_dated_line_nothing_is_said_of_how_far_back_it_goes(file: Path) -> None:
    write(file, "raw")

    assert "oldest_available" not in query(file)


def test_no_file_is_an_error(file: Path) -> None:
    with pytest.raises(NotFound, match=r"reagent\.log"):
        query(file)


@pytest.mark.parametrize("path", ["", "  "])
def test_a_blank_path_is_an_error(path: str) -> None:
    with pytest.raises(NotFound, match="empty"):
        query_device_logs(path, None, NOW)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_what_is_no_file_is_no_log(file: Path, make: Callable[[Path], None]) -> None:
    make(file)

    with pytest.raises(NotFound, match=r"reagent\.log"):
        query(file)


def test_a_pipe_among_the_files_does_not_hold_the_answer_up(file: Path) -> None:
    write(file, record("info", "i"))
    os.mkfifo(file.with_name("reagent-0.log"))

    assert query(file)["files_scanned"] == 1


def test_an_answer_stays_within_its_bytes(file: Path) -> None:
    write(file, *(record("info", f"{number} ".ljust(60_000, "x")) for number in range(100)))

    answer = query(file, tail=5000)

    lines = answer["lines"]
    assert isinstance(lines, list)
    assert sum(len(line) + 1 for line in lines) <= 4 * 1024 * 1024
    assert len(lines) == 69
    assert lines[-1].startswith("2026-08-04T09:00:00Z INFO 99 ")
    assert answer["truncated"] is True


def test_of_a_line_without_an_end_no_more_is_held_than_a_line_may_have(file: Path) -> None:
    write(file, record("info", "first"), "begin " + "x" * 5 * LONGEST_LINE, record("info", "last"))

    answer = query(file)

    lines = answer["lines"]
    assert isinstance(lines, list)
    assert (lines[0], lines[2]) == (shown("INFO", "first"), shown("INFO", "last"))
    assert lines[1].startswith("begin xxx")
    assert LONGEST_LINE <= len(lines[1]) < LONGEST_LINE + 256 * 1024
    assert answer["oldest_available"] == "2026-08-04T09:00:00Z"


def test_what_ends_without_a_line_end_is_bounded_as_well(file: Path) -> None:
    file.write_bytes(b"x" * 3 * LONGEST_LINE)

    found = list(backwards(io.BytesIO(file.read_bytes())))

    assert [len(line) for line in found] == [LONGEST_LINE]


def test_more_lines_without_a_record_than_an_answer_holds_are_cut(file: Path) -> None:
    write(file, record("error", "broken"), *(f"raw {number}" for number in range(10)))

    answer = query(file, tail=3)

    assert answer["lines"] == ["raw 7", "raw 8", "raw 9"]
    assert answer["truncated"] is True


@pytest.mark.parametrize("content", [b"", b"a", b"a\n", b"\n", b"one\n\nthree\nfour", b"x" * 300])
@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_where_a_block_ends_makes_no_difference(content: bytes, block: int) -> None:
    lines = list(backwards(io.BytesIO(content), block))

    assert lines == list(reversed(content.split(b"\n"))) if content else lines == []
