"""reagent.adapters.logfile: docs/contract/streams.md 1.16."""

import contextlib
import json
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reagent.adapters.logfile import LogFile
from reagent.log import INFO, Entry

SECONDS = 1_790_000_000.25  # 2026-09-21T14:13:20.250Z


def entry(message: str = "m") -> Entry:
    return Entry(INFO, message, {}, "a.py:1", SECONDS)


LINE = len(entry().json())


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Callable[..., LogFile]]:
    opened: list[LogFile] = []

    def open_one(path: Path = tmp_path / "reagent.log", roll_at: int = 10 * LINE) -> LogFile:
        opened.append(LogFile(str(path), roll_at=roll_at, now=lambda: SECONDS))
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


def messages(path: Path) -> list[str]:
    return [json.loads(line)["message"] for line in path.read_text("utf-8").splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_lines_are_appended_to_what_is_there(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    open_log()(entry("one"))
    open_log()(entry("two"))

    assert messages(tmp_path / "reagent.log") == ["one", "two"]


def test_the_folder_is_made_and_the_file_is_private(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    path = tmp_path / "deep" / "down" / "reagent.log"

    open_log(path)(entry())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_readable_by_others_is_closed(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    path = tmp_path / "reagent.log"
    path.touch(0o644)

    open_log()(entry())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_rolled_under_the_time_in_utc(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    log = open_log(roll_at=2 * LINE)

    for message in "abc":
        log(entry(message))

    assert names(tmp_path) == ["reagent-2026-09-21T14-13-20.250.log", "reagent.log"]
    assert messages(tmp_path / "reagent-2026-09-21T14-13-20.250.log") == ["a", "b"]
    assert messages(tmp_path / "reagent.log") == ["c"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_two_old_files_are_kept_and_nothing_else_is_dropped(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    (tmp_path / "reagent-2020-01-01T00-00-00.000.log").touch()
    for mine in ("reagent-notes.log", "reagent-2020-01-01T00-00-00.000.txt", "other.log"):
        (tmp_path / mine).touch()
    log = open_log(roll_at=LINE)

    for message in "abcde":
        log(entry(message))

    assert names(tmp_path) == [
        "other.log",
        "reagent-2020-01-01T00-00-00.000.txt",
        "reagent-2026-09-21T14-13-20.252.log",
        "reagent-2026-09-21T14-13-20.253.log",
        "reagent-notes.log",
        "reagent.log",
    ]
    assert messages(tmp_path / "reagent.log") == ["e"]


def test_a_clock_that_went_back_does_not_make_the_newest_file_the_oldest(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    for year in (2030, 2031):
        (tmp_path / f"reagent-{year}-01-01T00-00-00.999.log").touch()
    log = open_log(roll_at=LINE)

    log(entry("a"))
    log(entry("b"))

    assert messages(tmp_path / "reagent-2031-01-01T00-00-01.000.log") == ["a"]


def test_a_line_that_is_larger_than_a_file_is_written_all_the_same(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    log = open_log(roll_at=10)

    log(entry("one"))

    assert names(tmp_path) == ["reagent.log"]
    assert messages(tmp_path / "reagent.log") == ["one"]


def test_a_file_that_somebody_deleted_is_made_again(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    log = open_log()
    log(entry("one"))
    (tmp_path / "reagent.log").unlink()

    log(entry("two"))

    assert messages(tmp_path / "reagent.log") == ["two"]


def test_a_name_without_extension_rolls_too(
    tmp_path: Path, open_log: Callable[..., LogFile]
) -> None:
    log = open_log(tmp_path / "agentlog", roll_at=LINE)

    log(entry("a"))
    log(entry("b"))

    assert names(tmp_path) == ["agentlog", "agentlog-2026-09-21T14-13-20.250"]


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_costs_one_line_on_stderr_for_each_entry_and_recovers(
    tmp_path: Path, open_log: Callable[..., LogFile], capsys: pytest.CaptureFixture[str]
) -> None:
    log = open_log()
    log(entry("one"))
    with no_file_larger_than(LINE):
        log(entry("lost"))
        log(entry("lost too"))

    log(entry("two"))

    assert capsys.readouterr().err.count("cannot be written: File too large\n") == 2
    assert messages(tmp_path / "reagent.log")[-1] == "two"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_something_else_in_its_place_is_said_without_waiting(
    tmp_path: Path,
    open_log: Callable[..., LogFile],
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], None],
) -> None:
    make(tmp_path / "reagent.log")

    open_log()(entry())

    assert capsys.readouterr().err.count("cannot be written") == 1


def test_a_device_is_written_to_and_keeps_its_mode(open_log: Callable[..., LogFile]) -> None:
    device = Path("/dev/null")
    before = device.stat().st_mode

    open_log(device)(entry())

    assert device.stat().st_mode == before


def test_a_folder_that_refuses_a_new_name_lets_the_file_grow_on(
    tmp_path: Path, open_log: Callable[..., LogFile], capsys: pytest.CaptureFixture[str]
) -> None:
    log = open_log(roll_at=LINE)
    log(entry("one"))
    (tmp_path / "reagent.log").rename(tmp_path / "moved")

    log(entry("two"))

    assert "cannot be rolled" in capsys.readouterr().err
    assert messages(tmp_path / "moved") == ["one", "two"]
