"""Programs end with their group, whatever happens to whoever waits for them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from reagent.adapters.posix.processes import PosixProcesses
from reagent.adapters.programs import environment
from reagent.errors import DeadlineExceeded, Failed, NotFound

_PROCESSES = PosixProcesses()

# Says who it and its child are, then waits for ever; the child holds the output open.
_FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + "~", "w") as out:
    out.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + "~", sys.argv[1])
%s
"""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def _gone(pids: list[int]) -> bool:
    for _ in range(100):
        if not any(map(_alive, pids)):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_program_answers_with_status_and_both_outputs() -> None:
    outcome = await _PROCESSES.run(
        ["sh", "-c", "cat; echo wrong >&2; exit 3"], stdin="typed", within=10
    )

    assert (outcome.status, outcome.stdout, outcome.stderr) == (3, "typed", "wrong\n")


async def test_a_program_that_does_not_read_its_input_is_fine() -> None:
    outcome = await _PROCESSES.run(["true"], stdin="x" * 1_000_000, within=10)

    assert outcome.status == 0


async def test_a_program_that_died_of_a_signal_says_which() -> None:
    outcome = await _PROCESSES.run(["sh", "-c", "kill -9 $$"], within=10)

    assert outcome.status == -9


async def test_a_missing_program_is_not_found() -> None:
    with pytest.raises(NotFound, match="no program no-such-program"):
        await _PROCESSES.run(["no-such-program", "s3cret"], within=10)


async def test_a_file_that_is_no_program_cannot_be_run(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.touch(mode=0o644)

    with pytest.raises(Failed, match="cannot be run"):
        await _PROCESSES.run([str(text)], within=10)


async def test_output_beyond_the_bound_is_dropped_and_the_program_goes_on() -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('done')"

    outcome = await _PROCESSES.run([sys.executable, "-c", code], within=20)

    assert (len(outcome.stdout), outcome.stderr) == (1024 * 1024, "done")


async def test_output_that_is_not_text_is_shown_as_far_as_it_goes() -> None:
    outcome = await _PROCESSES.run(["printf", r"a\377b"], within=10)

    assert outcome.stdout == "a\ufffdb"


async def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    said = tmp_path / "pids"
    # A shell is there in a moment, however busy the machine.
    script = 'sleep 600 & echo $$ $! > "$0~"; mv "$0~" "$0"; wait'

    with pytest.raises(DeadlineExceeded, match="did not end within"):
        await _PROCESSES.run(["sh", "-c", script, str(said)], within=1.5)

    assert await _gone([int(pid) for pid in said.read_text().split()])


async def test_cancelling_ends_a_program_with_its_children(tmp_path: Path) -> None:
    said = tmp_path / "pids"
    running = asyncio.create_task(
        _PROCESSES.run([sys.executable, "-c", _FAMILY % "time.sleep(600)", str(said)], within=60)
    )
    while not said.exists():
        await asyncio.sleep(0.02)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running

    assert await _gone([int(pid) for pid in said.read_text().split()])


async def test_a_child_left_behind_with_the_output_open_is_ended(tmp_path: Path) -> None:
    said = tmp_path / "pids"

    outcome = await _PROCESSES.run(
        [sys.executable, "-c", _FAMILY % "print('bye')", str(said)], within=20
    )

    assert outcome.stdout == "bye\n"
    assert await _gone([int(pid) for pid in said.read_text().split()])


async def test_a_program_has_a_session_of_its_own() -> None:
    outcome = await _PROCESSES.run(
        [sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"], within=10
    )

    assert outcome.stdout == "True\n"
    assert os.getsid(0) != os.getpid() or outcome.status == 0


def test_programs_cannot_speak_for_us_to_the_service_manager() -> None:
    made = environment({"A": "1", "NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1"})

    assert made == {"A": "1"}
