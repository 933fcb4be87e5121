"""Running programs for the platform (docs/contract/wamp.md 4.31).

A program outlives the call that started it and the session that the call came by: a link that drops
must not end an installation half-way. So it belongs to a task of its own from the moment that it is
asked for. It does not outlive the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reagent import log
from reagent.aio.supervise import Tasks
from reagent.api import wire
from reagent.api.procedure import procedure
from reagent.contracts.clock import Clock
from reagent.contracts.messenger import Messenger
from reagent.errors import BadRequest, Canceled, Failed, ReagentError
from reagent.model import names
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity

if TYPE_CHECKING:  # a start runs no program
    from reagent.contracts.processes import Processes, Program

_log = log.get(__name__)

# The contract knows no limit, and nobody waits for longer than a day.
_WITHIN_S: Final = 24 * 3600.0
_DEFAULT_MS: Final = 1000
_LONGEST_LINE: Final = 64 * 1024
# What a router takes in one frame; a larger answer could not be sent.
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_SHOWN: Final = 400
# A program that says more than this at once leaves the others their turn.
_AT_ONCE: Final = 256
_TURN_S: Final = 0.01
_ENDS_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, and how.

    Attributes:
        command: program and arguments, no shell.
        blocking: answer with the output, when it ended.
        pause_ms: of a program that is not waited for, before its output is published.
    """

    command: tuple[str, ...]
    blocking: bool
    pause_ms: int


class Commands:
    """Starts programs and passes on what they say.

    Args:
        processes: makes what runs programs.
        messenger: where output is published.
        identity: who we are now.
        clock: time.
    """

    def __init__(
        self,
        processes: Callable[[], Processes],
        messenger: Messenger,
        identity: Callable[[], Identity],
        clock: Clock,
    ) -> None:
        self._processes = processes
        self._messenger = messenger
        self._identity = identity
        self._clock = clock
        self._tasks = Tasks()
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether a program runs, or is about to."""
        return len(self._tasks) > 0

    @procedure("execute_cmd", needs=Privilege.MAINTAIN, within=_WITHIN_S)
    async def execute_cmd(self, call: Call) -> Answer:
        """The output of a program that is waited for, else the id of its process."""
        order = parse(wire.first_object(call))
        if self._closing:
            raise Canceled("the agent is about to end")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        task = self._tasks.start(self._run(order, answer), f"program {order.command[0]}")
        task.add_done_callback(lambda task: _leave_nobody_waiting(task, answer))
        return await answer

    async def close(self) -> None:
        """End every program, and what they began."""
        self._closing = True
        await self._tasks.end(_ENDS_S)

    async def _run(self, order: Order, answer: asyncio.Future[Answer]) -> None:
        """A program from its beginning to its end, whether somebody waits for it or not."""
        name = order.command[0]
        try:
            program = await self._processes().start(order.command)
            try:
                _log.info("program started", program=name, pid=program.pid)
                if order.blocking:
                    _give(answer, Answer((await _whole(name, program),)))
                else:
                    _give(answer, Answer(({"pid": program.pid},)))
                    await self._pass_on(program, order.pause_ms / 1000)
            finally:
                await program.end()
        except ReagentError as error:
            _refuse(answer, error)

    async def _pass_on(self, program: Program, pause: float) -> None:
        topic = names.procedure(self._identity().serial_number, f"cmd_output_{program.pid}")
        await self._clock.sleep(pause)
        async for batch in program.lines(_LONGEST_LINE):
            for number, line in enumerate(batch, 1):
                # A program goes on while nobody can be told of it.
                with suppress(ReagentError):
                    await self._messenger.publish(topic, line)
                if number % _AT_ONCE == 0:
                    await self._clock.sleep(_TURN_S)
        outcome = await program.ended()
        _log.info("program ended", pid=program.pid, status=outcome.status)


def parse(request: Mapping[str, object]) -> Order:
    """Read the argument of `execute_cmd`.

    Raises:
        BadRequest: something is missing or of the wrong kind; the text names it.
    """
    command = _argument(wire.text(request.get("cmd"), "cmd"), "cmd")
    if not command:
        raise BadRequest("failed to parse cmd: it is empty")
    blocking = wire.truth(request.get("blocking"), "blocking")
    given = request.get("args")
    if given is None:
        given = []
    if not isinstance(given, list | tuple):
        raise BadRequest("failed to parse args: a list is expected")
    arguments = (_argument(each, f"args[{index}]") for index, each in enumerate(given))
    pause = request.get("timeout")
    pause_ms = _DEFAULT_MS if pause is None else wire.uint(pause, "timeout")
    return Order((command, *arguments), blocking, pause_ms)


def _argument(value: object, name: str) -> str:
    """A text, number or boolean as a program is given it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise BadRequest(f"failed to parse {name}: a text, a number or a boolean is expected")
    if "\0" in value or not _is_text(value):
        raise BadRequest(f"failed to parse {name}: no program can be given this text")
    return value


def _is_text(value: str) -> bool:
    """Whether it has no halves of characters, which JSON can carry and nothing else."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _give(answer: asyncio.Future[Answer], what: Answer) -> None:
    if not answer.done():  # its caller may be gone
        answer.set_result(what)


def _refuse(answer: asyncio.Future[Answer], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _leave_nobody_waiting(task: asyncio.Task[None], answer: asyncio.Future[Answer]) -> None:
    """A task may be ended before it comes to its first line."""
    if task.cancelled():
        _refuse(answer, Canceled("the agent is about to end"))
    elif (error := task.exception()) is not None:
        _refuse(answer, error)


async def _whole(name: str, program: Program) -> str:
    try:
        text, why = await program.text(_LARGEST_ANSWER), ""
    except Failed as error:
        text, why = "", f"{name}: {error}"
    outcome = await program.ended()
    if outcome.status:
        how = f"exit status {outcome.status}" if outcome.status > 0 else f"signal {-outcome.status}"
        last = outcome.stderr.strip()[-_SHOWN:]
        raise Failed(f"{name}: {how}{': ' if last else ''}{last}")
    if why:
        raise Failed(why)
    return text
