from __future__ import annotations

import asyncio
import errno

import pytest

from reagent.api.commands import Commands, Order, parse
from reagent.api.procedure import marks_of
from reagent.errors import BadRequest, Canceled, Failed, NotFound
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity
from tests.fakes.clock import FakeClock, settle
from tests.fakes.messenger import FakeMessenger
from tests.fakes.processes import FakeProcesses, FakeProgram

TOPIC = "re.mgmt.SN-1.cmd_output_4242"


class Shell:
    """What commands are given to."""

    def __init__(self) -> None:
        self.processes = FakeProcesses()
        self.messenger = FakeMessenger()
        self.clock = FakeClock()
        self.commands = Commands(
            lambda: self.processes,
            self.messenger,
            lambda: Identity(serial_number="SN-1"),
            self.clock,
        )

    async def run(self, *args: object) -> Answer:
        return await self.commands.execute_cmd(Call(list(args)))

    async def waiting(self, cmd: str = "make") -> tuple[asyncio.Task[Answer], FakeProgram]:
        """A command that is waited for, and its program."""
        task = asyncio.create_task(self.run({"cmd": cmd, "blocking": True}))
        await settle()
        return task, self.processes.started[-1]

    async def beside(self, **more: object) -> FakeProgram:
        """The program of a command that is not waited for."""
        await self.run({"cmd": "ping", "blocking": False, **more})
        return self.processes.started[-1]

    @property
    def heard(self) -> list[object]:
        return [args[0] for args in self.messenger.published(TOPIC)]


@pytest.fixture
def shell() -> Shell:
    return Shell()


async def test_a_command_that_is_waited_for_answers_with_its_output(shell: Shell) -> None:
    task, program = await shell.waiting("uname")
    program.prints("6.1.0")
    before = task.done()
    program.exits(0, "a warning that nobody asked for")

    answer = await task
    await settle()

    assert not before
    assert answer == Answer(("6.1.0\n",))
    assert program.was_ended
    assert not shell.commands.busy


@pytest.mark.parametrize(
    ("status", "stderr", "text"),
    [
        (2, "no such file\n", "make: exit status 2: no such file"),
        (1, "", "make: exit status 1"),
        (-9, "", "make: signal 9"),
    ],
)
async def test_a_command_that_fails_is_an_error_with_the_end_of_what_it_complained_about(
    shell: Shell, status: int, stderr: str, text: str
) -> None:
    task, program = await shell.waiting()
    program.prints("half of it")
    program.exits(status, stderr)

    with pytest.raises(Failed) as raised:
        await task

    assert str(raised.value) == text


async def test_output_that_no_answer_can_carry_is_an_error(shell: Shell) -> None:
    task, program = await shell.waiting()
    program.prints("x" * (16 * 1024 * 1024))
    program.exits()

    with pytest.raises(Failed, match="make: its output is 16777217 bytes"):
        await task


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_program_that_cannot_be_started_is_an_error(
    shell: Shell,
    blocking: bool,  # noqa: FBT001 - a table
) -> None:
    shell.processes.refuses(errno.ENOENT)

    with pytest.raises(NotFound):
        await shell.run({"cmd": "nope", "blocking": blocking})
    await settle()

    assert not shell.commands.busy


async def test_a_command_goes_on_when_its_caller_is_gone(shell: Shell) -> None:
    task, program = await shell.waiting()
    task.cancel()
    await settle()
    running = not program.was_ended and shell.commands.busy
    program.exits()
    await settle()

    assert running
    assert program.was_ended
    assert not shell.commands.busy


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_program_that_is_being_started_goes_on_when_its_caller_is_gone(
    shell: Shell,
    blocking: bool,  # noqa: FBT001 - a table
) -> None:
    started = shell.processes.hold()
    task = asyncio.create_task(shell.run({"cmd": "make", "blocking": blocking}))
    await started
    task.cancel()
    await settle()
    busy = shell.commands.busy

    shell.processes.go_on()
    await settle()

    assert busy
    assert shell.commands.busy
    assert [program.was_ended for program in shell.processes.started] == [False]


async def test_a_command_beside_us_answers_its_process_id_at_once(shell: Shell) -> None:
    answer = await shell.run({"cmd": "ping", "args": ["-c", 2, "h"], "blocking": False})

    assert answer == Answer(({"pid": 4242},))
    assert shell.processes.started[0].command == ("ping", "-c", "2", "h")
    assert shell.commands.busy


@pytest.mark.parametrize(("more", "pause"), [({}, 1.0), ({"timeout": 250}, 0.25)])
async def test_its_lines_are_published_one_by_one_after_the_pause(
    shell: Shell, more: dict[str, object], pause: float
) -> None:
    program = await shell.beside(**more)
    program.prints("one", "", "two")
    await shell.clock.advance(pause - 0.01)
    early = list(shell.heard)
    await shell.clock.advance(0.02)
    in_time = list(shell.heard)
    program.prints("three")
    program.exits(3)
    await settle()

    assert early == []
    assert in_time == ["one", "", "two"]
    assert shell.heard == ["one", "", "two", "three"]
    assert program.read_with == 64 * 1024
    assert [(each.args, each.acknowledge) for each in shell.messenger.publications][:1] == [
        (("one",), False)
    ]
    assert program.was_ended
    assert not shell.commands.busy


async def test_no_pause_is_no_pause(shell: Shell) -> None:
    program = await shell.beside(timeout=0)
    program.prints("at once")
    await settle()

    assert shell.heard == ["at once"]


async def test_lines_that_nobody_can_hear_are_lost_and_the_others_are_not(shell: Shell) -> None:
    program = await shell.beside(timeout=0)
    shell.messenger.go_down()
    program.prints("lost")
    await settle()
    shell.messenger.come_up()
    program.prints("heard")
    await settle()

    assert shell.heard == ["heard"]


async def test_a_program_that_says_much_leaves_the_others_their_turn(shell: Shell) -> None:
    program = await shell.beside(timeout=0)
    program.prints(*(str(number) for number in range(600)))
    await settle()
    at_first = len(shell.heard)
    await shell.clock.advance(0.1)

    assert at_first == 256
    assert shell.heard == [str(number) for number in range(600)]


async def test_programs_end_with_the_agent(shell: Shell) -> None:
    task, waited_for = await shell.waiting()
    beside = await shell.beside()

    await shell.commands.close()

    assert waited_for.was_ended
    assert beside.was_ended
    assert not shell.commands.busy
    with pytest.raises(Canceled):
        await task
    with pytest.raises(Canceled):
        await shell.run({"cmd": "late", "blocking": False})


@pytest.mark.parametrize("turns", range(3))
async def test_a_program_that_begins_while_the_agent_ends_is_ended(
    shell: Shell, turns: int
) -> None:
    late = asyncio.create_task(shell.run({"cmd": "late", "blocking": False}))
    for _ in range(turns):
        await asyncio.sleep(0)

    await shell.commands.close()

    with pytest.raises(Canceled):
        await late
    assert all(program.was_ended for program in shell.processes.started)
    assert not shell.commands.busy


@pytest.mark.parametrize(
    "args",
    [
        (),
        (None,),
        ("not-a-dict",),
        ({"blocking": True},),
        ({"cmd": 123, "blocking": True},),
        ({"cmd": None, "blocking": True},),
        ({"cmd": "", "blocking": True},),
        ({"cmd": "a\0b", "blocking": True},),
        ({"cmd": "a\ud800", "blocking": True},),
        ({"cmd": "ls"},),
        ({"cmd": "ls", "blocking": None},),
        ({"cmd": "ls", "blocking": "yes"},),
        ({"cmd": "ls", "blocking": 1},),
        ({"cmd": "ls", "blocking": True, "args": "not-an-array"},),
        ({"cmd": "ls", "blocking": True, "args": {"0": "x"}},),
        ({"cmd": "ls", "blocking": True, "args": [["nested"]]},),
        ({"cmd": "ls", "blocking": True, "args": [{}]},),
        ({"cmd": "ls", "blocking": True, "args": [None]},),
        ({"cmd": "ls", "blocking": True, "args": ["a\0b"]},),
        ({"cmd": "ls", "blocking": True, "timeout": "soon"},),
        ({"cmd": "ls", "blocking": False, "timeout": -1},),
        ({"cmd": "ls", "blocking": False, "timeout": 1.0},),
        ({"cmd": "ls", "blocking": False, "timeout": True},),
    ],
)
async def test_what_cannot_be_read_is_an_error_and_nothing_is_started(
    shell: Shell, args: tuple[object, ...]
) -> None:
    with pytest.raises(BadRequest, match="failed to parse"):
        await shell.run(*args)

    assert shell.processes.started == []


def test_arguments_become_texts() -> None:
    order = parse(
        {
            "cmd": "x",
            "blocking": True,
            "args": ["a b", "", 2, -7, 1.5, 5.0, 1e21, True, False, 2**64],
            "timeout": 2**64 - 1,
            "more": "ignored",
        }
    )

    texts = ("a b", "", "2", "-7", "1.5", "5", "1e+21", "true", "false", "18446744073709551616")
    assert order == Order(("x", *texts), blocking=True, pause_ms=2**64 - 1)


@pytest.mark.parametrize("absent", [{}, {"args": None, "timeout": None}])
def test_arguments_and_timeout_may_be_left_out(absent: dict[str, object]) -> None:
    assert parse({"cmd": "x", "blocking": False, **absent}) == Order(
        ("x",), blocking=False, pause_ms=1000
    )


def test_it_takes_the_privilege_to_maintain() -> None:
    (mark,) = marks_of(Commands)

    assert (mark.suffix, mark.needs) == ("execute_cmd", Privilege.MAINTAIN)
