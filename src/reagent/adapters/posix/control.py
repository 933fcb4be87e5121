"""A socket in a folder of root's, by which commands beside a running agent reach it.

The folder is the one whose lock the agent holds, so the socket is that agent's. Mode 0600: whoever
may open it is root already. Where no socket can be made the agent does without.
`adapters.control` has what is said over it.
"""

# The socket's path is handed to the system as it is.
# ruff: noqa: PTH101, PTH108, PTH118

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from reagent.adapters import control
from reagent.adapters.control import LIMITS, LONGEST_LINE, Counter, Limits
from reagent.adapters.posix.lock import lock_folders
from reagent.contracts.control import Desk, Plain
from reagent.errors import Unavailable

NAME: Final = ".control"
# A path that is longer does not fit into the system's address.
_LONGEST_PATH: Final = 107


def places(agent_dir: str) -> tuple[str, ...]:
    """Folders that the socket of this agent may be in, the best place first."""
    return tuple(lock_folders(agent_dir))


@asynccontextmanager
async def taking_orders(
    folders: tuple[str, ...], desk: Callable[[], Desk], limits: Limits = LIMITS
) -> AsyncIterator[None]:
    """Take orders for the length of the block.

    Args:
        folders: where the socket may be, the best place first.
        desk: gives whoever obeys an order; what that needs is imported no sooner.
        limits: see there.
    """
    counter = Counter(desk, limits)
    server: asyncio.Server | None = None
    path, trouble = "", "no folder"
    for folder in folders:
        path = os.path.join(folder, NAME)
        try:
            server = await _listen(path, counter)
            break
        except OSError as error:
            trouble = f"{path}: {error.strerror or error}"
    if server is None:
        control.without(trouble)
        yield
        return
    try:
        yield
    finally:
        server.close()
        await counter.close()
        with suppress(OSError):
            os.unlink(path)


async def _listen(path: str, counter: Counter) -> asyncio.Server:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(f"a socket's path has {_LONGEST_PATH} bytes at most")
    with suppress(FileNotFoundError):
        os.unlink(path)  # of an agent that was killed; its lock is ours
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o600)  # nobody reaches it before it is listened to
    except BaseException:
        listener.close()
        raise
    return await asyncio.start_unix_server(counter.welcome, sock=listener, limit=LONGEST_LINE)


def order(folders: tuple[str, ...], word: str, arguments: Plain) -> Iterator[tuple[bool, Plain]]:
    """Give an order to the agent that runs, from a command.

    Yields:
        Pairs of whether it is the answer, and content; the answer comes last.

    Raises:
        NobodyThere: no agent runs here, or it takes no commands.
        Refusal: it does not do it.
        Unavailable: it does not answer, or whoever asks may not.
    """
    with _called(folders) as line, line.makefile("rb") as stream:

        def say(text: bytes) -> None:
            line.sendall(text)
            line.shutdown(socket.SHUT_WR)

        lines = iter(lambda: stream.readline(LONGEST_LINE), b"")
        yield from control.converse(say, lines, word, arguments)


def _called(folders: tuple[str, ...]) -> socket.socket:
    for folder in folders:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(control.ANSWER_WITHIN_S)
        try:
            line.connect(os.path.join(folder, NAME))
        except PermissionError as error:
            line.close()
            raise Unavailable(f"{folder}: only root may give orders to the agent") from error
        except OSError:
            line.close()
        else:
            return line
    raise control.nobody_there()
