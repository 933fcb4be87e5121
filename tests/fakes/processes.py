"""Programs that say what they are told to say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from reagent.contracts.processes import Outcome
from reagent.errors import DeadlineExceeded, Failed, NotFound, ReagentError


class FakeProcesses:
    """Implements `contracts.processes.Processes`; the last word told about a program counts."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self._outcomes: dict[str, Outcome | ReagentError | list[Outcome | ReagentError]] = {}
        self._default: Outcome | ReagentError = Outcome(0, "", "")

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


def refusal(number: int) -> ReagentError:
    """What the adapter makes of the system's refusal."""
    cause = OSError(number, os.strerror(number))
    missing = isinstance(cause, FileNotFoundError)
    error = NotFound("there is no program") if missing else Failed(f"cannot run: {cause.strerror}")
    error.__cause__ = cause
    return error
