"""What runs wrote down, and how it adds up."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from reagent_build.targets import PLATFORMS
from tests.targets import page, results
from tests.targets.recorder import RECORD
from tests.targets.results import Said, merged, read, recorded, settled

TARGET = str(next(iter(PLATFORMS)))
SAID = Said(TARGET, "tests/a.py", 3, 1, (), (), 60, "2026-01-01", "abc1234")

FIRST = """
import os, pytest
def test_well(): pass
def test_badly(): assert "WELL" in os.environ
@pytest.mark.skip(reason="not here")
def test_not_here(): pass
@pytest.fixture
def broken():
    yield
    raise ValueError
def test_ends_badly(broken): pass
"""
SECOND = """
import os, signal
def test_through(): pass
def test_cut(): os.kill(os.getpid(), signal.SIGKILL)
"""


def ran(folder: Path, record: Path, *nodes: str, **variables: str) -> None:
    """A run of these scenarios, and of nothing that surrounds ours."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_first.py").write_text(FIRST)
    (folder / "test_second.py").write_text(SECOND)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.targets.recorder", *nodes],
        cwd=folder, check=False, capture_output=True,
        env=os.environ | variables | {RECORD: str(record), "PYTHONPATH": str(results.ROOT)},
    )  # fmt: skip


def test_a_run_that_is_cut_leaves_the_files_that_it_was_through_with(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"

    ran(tmp_path, record, "test_first.py", "test_second.py")
    (said,) = recorded(record, TARGET, "2026-01-01", "abc1234")

    assert said == Said(
        TARGET, "test_first.py", 1, 1, ("test_badly", "test_ends_badly"), (), 0, "2026-01-01",
        "abc1234",
    )  # fmt: skip


def test_what_passes_alone_is_told_from_what_fails_twice(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    ran(tmp_path, first, "test_first.py")
    failed = ("test_first.py::test_badly", "test_first.py::test_ends_badly")
    ran(tmp_path, second, *failed, WELL="yes")

    (said,) = settled(recorded(first, TARGET, "2026-01-01", "abc1234"), second)

    assert (said.passed, said.again, said.failed) == (1, ("test_badly",), ("test_ends_badly",))
    assert said.run == 3


def test_a_second_run_that_never_began_changes_nothing(tmp_path: Path) -> None:
    said = replace(SAID, failed=("test_badly",))

    assert not list(read(tmp_path / "none"))
    assert settled([said], tmp_path / "none") == (said,)


def test_a_file_that_is_run_anew_takes_the_place_of_what_it_said_before() -> None:
    kept, gone = replace(SAID, file="tests/b.py"), replace(SAID, file="tests/gone.py")
    other = replace(SAID, target="another", file="tests/gone.py")
    new = replace(SAID, passed=4, commit="def5678")

    known = merged([SAID, kept, gone, other], [new], TARGET, ["tests/a.py", "tests/b.py"])

    assert set(known) == {new, kept, other}


def test_the_page_says_of_which_executable_and_what_is_missing() -> None:
    said = [
        replace(SAID, file="tests/a.py", again=("test_once",)),
        replace(SAID, file="tests/b.py", commit="def5678", failed=("test_badly",)),
    ]
    rows = {TARGET: page.Row(scenarios="all", files=3)}

    text = page.page(rows, said)

    assert (
        "| all: 7 of 8, 1 of them alone, 2 skipped, 1 of 3 files not run,"
        " 1 files of abc1234, 1 files of def5678; 2 min |"
    ) in text
    assert f"| {TARGET} | `tests/a.py::test_once` | passed alone |" in text
    assert f"| {TARGET} | `tests/b.py::test_badly` | failed twice |" in text


def test_what_is_kept_is_what_is_read(tmp_path: Path) -> None:
    data = tmp_path / "scenarios.jsonl"
    said = (SAID, replace(SAID, file="tests/b.py", failed=("test_badly",), again=("test_once",)))

    results.save(reversed(said), data)

    assert results.load(data) == said
