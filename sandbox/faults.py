"""What a test makes the backend do wrong: fail, be slow, say nothing, answer something else."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from autobahn.wamp.exception import ApplicationError

from sandbox.wamp import Incoming, Result

FOR_EVER: Final = -1


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, for `left` more calls (below zero: for ever)."""

    left: int
    seconds: float = 0.0
    error: ApplicationError | None = None
    answer: Result | None = None
    when: Callable[[Incoming], bool] = lambda _: True


class Faults:
    """The faults that are planned for each procedure, used up in the order they were planned."""

    def __init__(self) -> None:
        self._planned: dict[str, list[Fault]] = {}

    def plan(self, procedure: str, fault: Fault) -> None:
        """Let the next calls of `procedure` suffer this."""
        self._planned.setdefault(procedure, []).append(fault)

    def heal(self, procedure: str | None = None) -> None:
        """Forget what was planned, for one procedure or all."""
        if procedure is None:
            self._planned.clear()
        else:
            self._planned.pop(procedure, None)

    async def suffer(self, call: Incoming) -> Result | None:
        """Wait, raise or answer as planned; None means that all is well.

        Raises:
            ApplicationError: That was the plan.
        """
        for fault in self._planned.get(call.uri, ()):
            if fault.left == 0 or not fault.when(call):
                continue
            fault.left -= 1
            if fault.seconds:
                await asyncio.sleep(fault.seconds)
            if fault.error is not None:
                raise fault.error
            if fault.answer is not None:
                return fault.answer
            break
        return None
