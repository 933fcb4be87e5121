"""Running programs. Commands are lists, never shells; secrets travel by stdin, never by argv."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended."""

    status: int
    stdout: str
    stderr: str


class Program(Protocol):
    """A program that runs beside us; whoever started it sees it to its end, or ends it.

    Its input is empty. What it prints is read by one reader, as lines or as one text; what nobody
    reads holds it up after some 100 KiB. It is over when it ended and everybody it began let go of
    its outputs.
    """

    @property
    def pid(self) -> int:
        """Its process id, which is its group's and its session's too."""
        ...

    def lines(self, limit: int) -> AsyncIterator[list[str]]:
        """Its standard output, in batches of at least one line, as they come.

        A line ends at a newline; one carriage return before it is dropped; the last line may lack
        its newline. Lines over `limit` bytes are cut there and go on as the next line. Bytes that
        are not UTF-8 become U+FFFD.
        """
        ...

    async def text(self, most: int) -> str:
        """Its whole standard output, when that ended.

        Raises:
            Failed: it is more than `most` bytes. The program was not held up.
        """
        ...

    async def ended(self) -> Outcome:
        """Wait until it is over; `stderr` is the end of what it said there, `stdout` empty."""
        ...

    async def end(self) -> None:
        """Ask it and its group to end, and end them a moment later; over already is fine."""
        ...


class Processes(Protocol):
    """Starts programs and waits for them."""

    async def run(self, command: Sequence[str], *, stdin: str = "", within: float) -> Outcome:
        """Run to the end; killed with its group after `within` seconds.

        Raises:
            DeadlineExceeded: it was killed.
            NotFound: there is no such program.
        """
        ...

    async def start(self, command: Sequence[str]) -> Program:
        """Start a program that runs as long as it likes, in a session of its own.

        Raises:
            NotFound: there is no such program.
            Failed: it is there and cannot be run.
        """
        ...
