"""Running programs. Commands are lists, never shells; secrets travel by stdin, never by argv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended."""

    status: int
    stdout: str
    stderr: str


class Processes(Protocol):
    """Starts programs and waits for them."""

    async def run(self, command: Sequence[str], *, stdin: str = "", within: float) -> Outcome:
        """Run to the end; killed with its group after `within` seconds.

        Raises:
            DeadlineExceeded: it was killed.
            NotFound: there is no such program.
        """
        ...
