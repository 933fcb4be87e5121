"""Running programs: each in a group of its own, so that nothing of it outlives us.

What a group is, and how all of it ends, is the system's business: `posix.processes`,
`windows.processes`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from reagent.contracts.processes import Outcome, Program
from reagent.errors import DeadlineExceeded, Failed, NotFound

if TYPE_CHECKING:  # a start runs no program
    from reagent.adapters.beside import Group

# More of a program's output than this is dropped, at its end; the program itself is not held up.
_MOST_OUTPUT: Final = 1024 * 1024
# What a program leaves in the background may hold its output open; it gets this long to let go.
_GRACE_SECONDS: Final = 1.0


class Programs:
    """Implements `contracts.processes.Processes`.

    Args:
        group: keeps a program and what it begins together.
    """

    def __init__(self, group: Callable[[], Group]) -> None:
        self._group = group

    async def run(self, command: Sequence[str], *, stdin: str = "", within: float) -> Outcome:
        """See the contract. Output beyond 1 MiB of each stream is dropped.

        Raises:
            Failed: the program is there and cannot be run.
        """
        name, group = command[0], self._group()
        with _translated(name):
            transport, program = await asyncio.get_running_loop().subprocess_exec(
                _Program,
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(os.environ),
                **group.options,
            )
        group.hold(transport.get_pid())
        try:
            async with asyncio.timeout(within):
                program.feed(transport, stdin.encode())
                await program.exited.wait()
            await self._drain(group, program)
        except TimeoutError as error:
            raise DeadlineExceeded(f"{name} did not end within {within:g} s") from error
        finally:
            await self._end(group, transport, program)
        status = transport.get_returncode()
        return Outcome(-1 if status is None else status, program.text(1), program.text(2))

    async def start(self, command: Sequence[str]) -> Program:
        """See the contract."""
        from reagent.adapters.beside import Beside  # noqa: PLC0415 - after the start

        group = self._group()
        with _translated(command[0]):
            transport, program = await asyncio.get_running_loop().subprocess_exec(
                lambda: Beside(group),
                *command,
                stdin=asyncio.subprocess.PIPE,  # closed at once; /dev/null is not everywhere
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(os.environ),
                **group.options,
            )
        if pipe := transport.get_pipe_transport(0):
            pipe.close()
        return program

    @staticmethod
    async def _drain(group: Group, program: _Program) -> None:
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await program.closed.wait()
        except TimeoutError:
            group.end(force=True)

    @staticmethod
    async def _end(group: Group, transport: asyncio.SubprocessTransport, program: _Program) -> None:
        if not program.exited.is_set():
            group.end(force=True)
            # Killed for certain, but reaped by the loop: a zombie must not stay.
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await program.exited.wait()
        transport.close()


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """What the system says to a program that it is to begin, in our words."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no program {name}") from error
    except OSError as error:
        raise Failed(f"{name} cannot be run: {error.strerror}") from error
    except ValueError as error:  # a zero byte, or half a character
        raise Failed(f"{name!r} cannot be run with these arguments") from error


_OURS_ALONE = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What a program is started with: nothing that lets it speak for us to the service manager."""
    return {name: word for name, word in inherited.items() if name not in _OURS_ALONE}


class _Program(asyncio.SubprocessProtocol):
    """Collects what a program says; knows when it ended and when its output did."""

    def __init__(self) -> None:
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self._output = {1: bytearray(), 2: bytearray()}
        self._open = {1, 2}

    def feed(self, transport: asyncio.SubprocessTransport, data: bytes) -> None:
        pipe = transport.get_pipe_transport(0)
        if isinstance(pipe, asyncio.WriteTransport):
            if data:
                pipe.write(data)
            pipe.close()

    def text(self, stream: int) -> str:
        return self._output[stream].decode(errors="replace")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        kept = self._output[fd]
        kept += data[: _MOST_OUTPUT - len(kept)]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc
        self._open.discard(fd)
        if not self._open:
            self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()
