"""Programs that say what they are told to say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence

from reagent.contracts.processes import Outcome
from reagent.errors import DeadlineExceeded, Failed, NotFound, ReagentError


class FakeProgram:
    """Implements `contracts.processes.Program`; the test says what it prints and when it ends."""

    def __init__(self, command: Sequence[str], pid: int) -> None:
        self.command = tuple(command)
        self.pid = pid
        self.was_ended = False
        self.read_with: int | None = None
        self._outcome = Outcome(0, "", "")
        self._batches: asyncio.Queue[list[str] | None] = asyncio.Queue()
        self._over = asyncio.Event()

    def prints(self, *lines: str) -> None:
        """Lines, in one batch."""
        self._batches.put_nowait(list(lines))

    def exits(self, status: int = 0, stderr: str = "") -> None:
        """It ends like that; below 0 by a signal."""
        self._outcome = Outcome(status, "", stderr)
        self._batches.put_nowait(None)
        self._over.set()

    async def lines(self, limit: int) -> AsyncIterator[list[str]]:
        self.read_with = limit
        while (batch := await self._batches.get()) is not None:
            yield batch

    async def text(self, most: int) -> str:
        text = "".join([f"{line}\n" async for batch in self.lines(most) for line in batch])
        if len(text) > most:
            raise Failed(f"its output is {len(text)} bytes, and {most} are the most")
        return text

    async def ended(self) -> Outcome:
        await self._over.wait()
        return self._outcome

    async def end(self) -> None:
        self.was_ended = True
        if not self._over.is_set():
            self.exits(-15)


class FakeProcesses:
    """Implements `contracts.processes.Processes`; the last word told about a program counts."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.started: list[FakeProgram] = []
        self._outcomes: dict[str, Outcome | ReagentError | list[Outcome | ReagentError]] = {}
        self._default: Outcome | ReagentError = Outcome(0, "", "")
        self._begun: asyncio.Future[None] | None = None
        self._gate = asyncio.Event()
        self._gate.set()

    # What a test does.

    def says(self, text: str, *, of: str = "") -> None:
        """A program, or every program, prints this and ends well."""
        self._tell(of, Outcome(0, text, ""))

    def ends(self, status: int, stderr: str = "", *, of: str = "") -> None:
        """It ends like that; below 0 by a signal."""
        self._tell(of, Outcome(status, "", stderr))

    def refuses(self, number: int, *, of: str = "") -> None:
        """The system does not run it."""
        self._tell(of, refusal(number))

    def hangs(self, *, of: str = "") -> None:
        """It never ends."""
        self._tell(of, DeadlineExceeded("it did not end in time"))

    def first_refuses(self, number: int, times: int, *, of: str) -> None:
        """The system does not run it so many times, then it does as was told before."""
        then = self._outcomes.get(of, self._default)
        if not isinstance(then, list):
            self._outcomes[of] = [*(refusal(number) for _ in range(times)), then]

    def hold(self) -> asyncio.Future[None]:
        """Nothing that is started comes to run until `go_on`; done once something is to start."""
        self._gate.clear()
        self._begun = asyncio.get_running_loop().create_future()
        return self._begun

    def go_on(self) -> None:
        """What was held comes to run."""
        self._gate.set()

    def _tell(self, program: str, outcome: Outcome | ReagentError) -> None:
        if program:
            self._outcomes[program] = outcome
        else:
            self._default = outcome

    # The contract.

    async def run(self, command: Sequence[str], *, stdin: str = "", within: float) -> Outcome:
        self.ran.append(tuple(command))
        await asyncio.sleep(0)
        outcome = self._outcomes.get(command[0], self._default)
        if isinstance(outcome, list):
            outcome = outcome.pop(0) if len(outcome) > 1 else outcome[0]
        if isinstance(outcome, ReagentError):
            raise outcome
        return outcome

    async def start(self, command: Sequence[str]) -> FakeProgram:
        await asyncio.sleep(0)
        if self._begun is not None and not self._begun.done():
            self._begun.set_result(None)
        await self._gate.wait()
        outcome = self._outcomes.get(command[0], self._default)
        if isinstance(outcome, ReagentError):
            raise outcome
        self.started.append(FakeProgram(command, 4242 + len(self.started)))
        return self.started[-1]


def refusal(number: int) -> ReagentError:
    """What the adapter makes of the system's refusal."""
    cause = OSError(number, os.strerror(number))
    missing = isinstance(cause, FileNotFoundError)
    error = NotFound("there is no program") if missing else Failed(f"cannot run: {cause.strerror}")
    error.__cause__ = cause
    return error
