"""reagent_build.children: the programs of a build, and that a stop ends all of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reagent_build import children

# Says which process it is and sleeps for longer than any test.
SLEEPS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.fixture(autouse=True)
def _begun() -> Iterator[None]:
    children.begin()
    yield
    children.begin()


def sleeper(note: Path) -> tuple[str, ...]:
    os.mkfifo(note)
    return (sys.executable, "-c", SLEEPS, str(note))


def test_bytes_go_in_and_both_outputs_come_back() -> None:
    done = children.run(("sh", "-c", "cat; echo said >&2; exit 3"), stdin=b"\x00\xff")

    assert (done.returncode, done.stdout, done.stderr) == (3, b"\x00\xff", b"said\n")


def test_a_stop_ends_what_runs_and_whoever_waits_for_it_hears_why(tmp_path: Path) -> None:
    note = tmp_path / "note"
    command = sleeper(note)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(children.run, command)
        process = int(note.read_text())
        children.stop()

        with pytest.raises(children.StoppedError):
            waiting.result()
    assert not children.is_alive(process)


def test_after_a_stop_nothing_begins_but_what_tidies_up() -> None:
    children.stop()

    with pytest.raises(children.StoppedError):
        children.run(("true",))
    assert children.run(("true",), tidying=True).returncode == 0


def test_a_program_that_takes_too_long_is_gone_when_that_is_said(tmp_path: Path) -> None:
    note = tmp_path / "note"
    os.mkfifo(note)

    with ThreadPoolExecutor(1) as pool:
        process = pool.submit(note.read_text)
        with pytest.raises(subprocess.TimeoutExpired):
            children.run((sys.executable, "-c", SLEEPS, str(note)), timeout=3)

    assert not children.is_alive(int(process.result()))
