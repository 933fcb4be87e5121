"""Programs that run beside us: read slowly, never left behind, never zombies."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reagent.adapters.beside import Beside
from reagent.adapters.posix.processes import PosixProcesses, Session
from reagent.contracts.processes import Program
from reagent.errors import Failed, NotFound

LIMIT = 64 * 1024
MOST = 1 << 20


@pytest.fixture
async def started() -> AsyncIterator[list[Program]]:
    programs: list[Program] = []
    yield programs
    for program in programs:
        await program.end()


async def start(started: list[Program], *command: str) -> Program:
    program = await PosixProcesses().start(command)
    started.append(program)
    return program


async def shell(started: list[Program], script: str) -> Program:
    return await start(started, "sh", "-c", script)


async def lines_of(program: Program) -> list[str]:
    return [line async for batch in program.lines(LIMIT) for line in batch]


async def first_line(program: Program) -> str:
    async for batch in program.lines(LIMIT):
        return batch[0]
    raise AssertionError("it said nothing")


def state_of(pid: int) -> str:
    """The system's letter for a process; empty when there is none of this id."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def gone(pid: int) -> bool:
    for _ in range(100):
        if state_of(pid) in {"", "Z"}:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_its_output_is_one_text_and_its_end_is_told_with_what_it_complained_about(
    started: list[Program],
) -> None:
    program = await shell(started, "echo out; echo wrong >&2; exit 3")

    text = await program.text(MOST)
    outcome = await program.ended()

    assert text == "out\n"
    assert (outcome.status, outcome.stdout, outcome.stderr) == (3, "", "wrong\n")


async def test_it_leads_a_session_of_its_own_and_has_nothing_to_read(
    started: list[Program],
) -> None:
    code = "import os, sys; print(os.getsid(0), os.getpgid(0), repr(sys.stdin.read()))"
    program = await start(started, sys.executable, "-c", code)

    text = await program.text(MOST)

    assert text == f"{program.pid} {program.pid} ''\n"


async def test_of_its_complaints_the_end_is_kept(started: list[Program]) -> None:
    code = "import sys; sys.stderr.write('x' * 1_000_000 + 'the end')"
    program = await start(started, sys.executable, "-c", code)

    outcome = await program.ended()

    assert len(outcome.stderr) == 4096
    assert outcome.stderr.endswith("xthe end")


async def test_an_output_of_more_than_the_most_is_an_error_and_does_not_hold_it_up(
    started: list[Program],
) -> None:
    program = await start(started, sys.executable, "-c", "print('x' * 3_000_000); exit(7)")

    with pytest.raises(Failed, match="3000001 bytes"):
        await program.text(MOST)
    outcome = await program.ended()

    assert outcome.status == 7


async def test_lines_come_as_they_are_said(started: list[Program]) -> None:
    program = await shell(started, "printf 'one\\r\\n\\ntwo\\nlast'; printf 'a\\377' ")

    assert await lines_of(program) == ["one", "", "two", "lasta\ufffd"]


async def test_a_line_is_there_before_the_program_ends(started: list[Program]) -> None:
    program = await shell(started, "echo ready; exec sleep 600")

    line = await first_line(program)

    assert line == "ready"
    assert state_of(program.pid) not in {"", "Z"}


async def test_a_line_over_the_limit_goes_on_as_the_next_one(started: list[Program]) -> None:
    program = await start(started, sys.executable, "-c", "print('x' * 200_000); print('after')")

    lines = await lines_of(program)

    assert [len(line) for line in lines] == [65536, 65536, 65536, 3392, 5]
    assert lines[-1] == "after"


async def test_what_nobody_reads_holds_it_up_and_nothing_is_lost(
    started: list[Program], tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "for number in range(100_000):\n"
        "    print(number, flush=number % 1000 == 0)\n"
        "open(sys.argv[1], 'w').close()\n"
    )
    program = await start(started, sys.executable, "-c", code, str(tmp_path / "done"))
    for _ in range(20):
        await asyncio.sleep(0.02)
    held_up = not (tmp_path / "done").exists()

    lines = await lines_of(program)

    assert held_up
    assert lines == [str(number) for number in range(100_000)]


async def test_one_that_nobody_reads_or_waits_for_leaves_no_zombie(
    started: list[Program],
) -> None:
    program = await shell(started, "exit 0")

    for _ in range(200):
        if not state_of(program.pid):
            break
        await asyncio.sleep(0.02)

    assert state_of(program.pid) == ""


async def test_it_is_over_when_those_it_began_let_go_of_its_output(
    started: list[Program],
) -> None:
    program = await shell(started, "(sleep 0.3; echo late) & echo early")

    text = await program.text(MOST)

    assert text == "early\nlate\n"
    assert (await program.ended()).status == 0


async def test_ending_it_ends_those_it_began(started: list[Program]) -> None:
    program = await shell(started, "sleep 600 & echo $!; wait")
    child = int(await first_line(program))

    await program.end()
    outcome = await program.ended()

    assert outcome.status == -signal.SIGTERM
    assert await gone(child)


async def test_ending_one_that_does_not_want_to_takes_a_moment(started: list[Program]) -> None:
    program = await shell(started, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    await first_line(program)

    await program.end()
    outcome = await program.ended()

    assert outcome.status == -signal.SIGKILL


async def test_ending_one_that_is_held_up_by_its_reader(started: list[Program]) -> None:
    program = await start(started, "yes")
    await first_line(program)
    for _ in range(10):
        await asyncio.sleep(0.02)

    await program.end()

    assert (await program.ended()).status < 0
    assert await gone(program.pid)


async def test_ending_one_whose_children_hold_its_output_ends_them(
    started: list[Program],
) -> None:
    program = await shell(started, "sleep 600 & echo $!")
    child = int(await first_line(program))

    await program.end()

    assert await gone(child)


async def test_ending_what_is_over_is_fine(started: list[Program]) -> None:
    program = await shell(started, "exit 0")
    await program.ended()

    await program.end()
    await program.end()

    assert (await program.ended()).status == 0


async def test_a_missing_program_is_not_found() -> None:
    with pytest.raises(NotFound, match="no program no-such-program"):
        await PosixProcesses().start(["no-such-program", "s3cret"])


async def test_a_file_that_is_no_program_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be run"):
        await PosixProcesses().start([str(tmp_path)])


@pytest.mark.parametrize("argument", ["a\0b", "a\ud800"])
async def test_an_argument_that_no_program_can_be_given_is_an_error(argument: str) -> None:
    with pytest.raises(Failed, match="cannot be run with these arguments"):
        await PosixProcesses().start(["true", argument])


async def test_one_that_never_began_can_be_ended() -> None:
    await Beside(Session()).end()
