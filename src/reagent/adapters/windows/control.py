"""A named pipe of administrators, by which commands beside a running agent reach it.

Its name is made of the agent's folder. Only SYSTEM and administrators may open it, and nobody from
another machine; an agent that is no administrator's does without. `adapters.control` has what is
said over it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol, cast

from reagent import log
from reagent.adapters import control
from reagent.adapters.control import LIMITS, LONGEST_LINE, Counter, Limits
from reagent.aio.supervise import end
from reagent.contracts.control import Desk, Plain
from reagent.errors import Unavailable

if TYPE_CHECKING:
    from reagent.adapters.windows.pipes import Pipe

PREFIX: Final = "\\\\.\\pipe\\ironflock-reagent-"
_AGAIN_AFTER_S: Final = 1.0
_CLOSE_WITHIN_S: Final = 2.0

_log = log.get(__name__)


def places(agent_dir: str) -> tuple[str, ...]:
    """Folders that the pipe of this agent may be named by."""
    return (agent_dir,)


def name(folder: str) -> str:
    """The pipe of an agent's folder."""
    path = os.path.normcase(os.path.abspath(folder))  # noqa: PTH100 - as commands name it
    return PREFIX + sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@asynccontextmanager
async def taking_orders(
    folders: tuple[str, ...], desk: Callable[[], Desk], limits: Limits = LIMITS
) -> AsyncIterator[None]:
    """Take orders for the length of the block.

    Args:
        folders: what the pipe is named by, the best one first.
        desk: gives whoever obeys an order; what that needs is imported no sooner.
        limits: see there.
    """
    from reagent.adapters.windows.pipes import make  # noqa: PLC0415 - on Windows alone

    counter = Counter(desk, limits)
    first: Pipe | None = None
    path, trouble = "", "no folder"
    for folder in folders:
        path = name(folder)
        try:
            first = make(path, first=True)
            break
        except OSError as error:
            trouble = f"{path}: {error.strerror or error}"
    if first is None:
        control.without(trouble)
        yield
        return
    pipes = _Pipes(first, lambda: make(path, first=False), counter)
    accepting = asyncio.create_task(pipes.accept(), name="welcome commands")
    try:
        yield
    finally:
        await end({accepting}, _CLOSE_WITHIN_S)
        pipes.close()
        await counter.close()


class _Proactor(Protocol):
    """What asks Windows for the loop."""

    def accept_pipe(self, pipe: Pipe) -> asyncio.Future[Pipe]:
        """Done when somebody has called."""
        ...


class _Loop(Protocol):
    """What the loop's own server of pipes is made of; that takes no security descriptor."""

    _proactor: _Proactor

    def _make_duplex_pipe_transport(
        self, pipe: Pipe, protocol: asyncio.BaseProtocol
    ) -> asyncio.Transport:
        """Have the protocol talk through this pipe, which is closed with it."""
        ...


class _Pipes:
    """Instances of one pipe: somebody talks through each, and the last one waits.

    Args:
        first: of them.
        make: gives the next; raises `OSError`.
        counter: serves whoever calls.
    """

    def __init__(self, first: Pipe, make: Callable[[], Pipe], counter: Counter) -> None:
        self._make = make
        self._counter = counter
        self._loop = asyncio.get_running_loop()
        self._last = first

    async def accept(self) -> None:
        """Welcome whoever calls, for ever.

        There is an instance at any moment: no other program can take the name, and whoever calls
        finds that we are there.
        """
        loop = cast("_Loop", self._loop)
        while True:
            called = True
            try:
                await loop._proactor.accept_pipe(self._last)  # noqa: SLF001 - see `_Loop`
            except OSError:  # whoever it was is gone
                called = False
            used, self._last = self._last, await self._next()
            if called:
                loop._make_duplex_pipe_transport(used, self._protocol())  # noqa: SLF001
            else:
                used.close()

    def close(self) -> None:
        """Nobody calls any more; who does already is the counter's."""
        self._last.close()

    async def _next(self) -> Pipe:
        while True:
            try:
                return self._make()
            except OSError as error:
                _log.warning("no more commands can be taken just now", error=error)
                await asyncio.sleep(_AGAIN_AFTER_S)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(LONGEST_LINE, self._loop)
        return asyncio.StreamReaderProtocol(reader, self._counter.welcome, self._loop)


def order(folders: tuple[str, ...], word: str, arguments: Plain) -> Iterator[tuple[bool, Plain]]:
    """Give an order to the agent that runs, from a command.

    Yields:
        Pairs of whether it is the answer, and content; the answer comes last.

    Raises:
        NobodyThere: no agent runs here, or it takes no commands.
        Refusal: it does not do it.
        Unavailable: it does not answer, or whoever asks may not.
    """
    from reagent.adapters.windows.pipes import Line  # noqa: PLC0415 - on Windows alone

    for folder in folders:
        try:
            line = Line(name(folder), control.ANSWER_WITHIN_S)
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise Unavailable(
                f"{folder}: only an administrator may give orders to the agent"
            ) from error
        except OSError as error:
            raise Unavailable(f"the agent does not answer: {error}") from error
        with line:
            yield from control.converse(line.say, line.lines(LONGEST_LINE), word, arguments)
        return
    raise control.nobody_there()
