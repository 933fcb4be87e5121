"""A socket in a folder of root's, by which commands beside a running agent reach it.

    {"order": "check"}                 a line from the command, nothing more follows
    {"news": {"bytes": 1, "of": 9}}    any number of lines
    {"answer": {"text": "..."}}        or {"error": "...", "kind": "blocked"}; then the end

The folder is the one whose lock the agent holds, so the socket is that agent's. Mode 0600: whoever
may open it is root already. Where no socket can be made the agent does without.
"""

# The socket's path is handed to the system as it is.
# ruff: noqa: PTH101, PTH108, PTH118

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from reagent import log
from reagent.contracts.control import Desk, Plain
from reagent.errors import ReagentError, Unavailable

NAME: Final = ".control"
# A path that is longer does not fit into the system's address.
_LONGEST_PATH: Final = 107
_LONGEST_LINE: Final = 64 * 1024
_ORDER_WITHIN_S: Final = 5.0
# Between two lines of an answer: a download that stalls says so before.
ANSWER_WITHIN_S: Final = 180.0
_MOST_AT_ONCE: Final = 8

_log = log.get(__name__)


@asynccontextmanager
async def control_socket(folders: tuple[str, ...], desk: Callable[[], Desk]) -> AsyncIterator[None]:
    """Take orders for the length of the block.

    Args:
        folders: where the socket may be, the best place first.
        desk: gives whoever obeys an order; what that needs is imported no sooner.
    """
    server: asyncio.Server | None = None
    path, trouble = "", "no folder"
    for folder in folders:
        path = os.path.join(folder, NAME)
        try:
            server = await _listen(path, desk)
            break
        except OSError as error:
            trouble = f"{path}: {error.strerror or error}"
    if server is None:
        _log.warning("no commands can be given to this agent", error=trouble)
        yield
        return
    try:
        yield
    finally:
        server.close()
        with suppress(OSError):
            os.unlink(path)


async def _listen(path: str, desk: Callable[[], Desk]) -> asyncio.Server:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(f"a socket's path has {_LONGEST_PATH} bytes at most")
    with suppress(FileNotFoundError):
        os.unlink(path)  # of an agent that was killed; its lock is ours
    guests: set[object] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.add(writer)
        try:
            if len(guests) <= _MOST_AT_ONCE:
                await _serve(reader, writer, desk)
        finally:
            guests.discard(writer)
            writer.close()

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o600)  # nobody reaches it before it is listened to
    except BaseException:
        listener.close()
        raise
    return await asyncio.start_unix_server(serve, sock=listener, limit=_LONGEST_LINE)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, desk: Callable[[], Desk]
) -> None:
    async def say(line: Plain) -> None:
        with suppress(OSError):  # whoever asked may be gone; what was ordered is done
            writer.write(json.dumps(line).encode() + b"\n")
            await writer.drain()

    async def news(content: Plain) -> None:
        await say({"news": content})

    try:
        async with asyncio.timeout(_ORDER_WITHIN_S):
            asked = json.loads(await reader.readline())
        order, arguments = str(asked["order"]), asked.get("arguments") or {}
    except (TimeoutError, ValueError, TypeError, KeyError, AttributeError, OSError):
        await say({"error": "that is no order", "kind": "bad-request"})
        return
    _log.info("a command is given to this agent", order=order)
    try:
        await say({"answer": await desk().obey(order, arguments, news)})
    except ReagentError as error:
        await say({"error": str(error), "kind": error.slug})
    except Exception as error:  # noqa: BLE001 - a command that breaks ends with words, too
        _log.exception("a command broke", order=order)
        await say({"error": f"{type(error).__name__}: {error}", "kind": "failed"})


class NobodyThere(Unavailable):
    """No agent takes commands at this device."""

    slug = "nobody-there"


class Refusal(ReagentError):
    """The agent did not do it; the text is its own."""

    slug = "refusal"

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


def order(folders: tuple[str, ...], word: str, arguments: Plain) -> Iterator[tuple[bool, Plain]]:
    """Give an order to the agent that runs, from a command.

    Yields:
        Pairs of whether it is the answer, and content; the answer comes last.

    Raises:
        NobodyThere: no agent runs here, or it takes no commands.
        Refusal: it does not do it.
        Unavailable: it does not answer, or whoever asks may not.
    """
    with _called(folders) as line:
        try:
            line.sendall(json.dumps({"order": word, "arguments": arguments}).encode() + b"\n")
            line.shutdown(socket.SHUT_WR)
            with line.makefile("rb") as stream:
                while text := stream.readline(_LONGEST_LINE):
                    said = json.loads(text)
                    if "error" in said:
                        raise Refusal(str(said["error"]), str(said.get("kind")))
                    if "answer" in said:
                        yield True, said["answer"]
                        return
                    yield False, said.get("news", {})
        except (OSError, ValueError) as error:
            raise Unavailable(f"the agent does not answer: {error}") from error
    raise Unavailable("the agent ended before it answered; try again")


def _called(folders: tuple[str, ...]) -> socket.socket:
    for folder in folders:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(ANSWER_WITHIN_S)
        try:
            line.connect(os.path.join(folder, NAME))
        except PermissionError as error:
            line.close()
            raise Unavailable(f"{folder}: only root may give orders to the agent") from error
        except OSError:
            line.close()
        else:
            return line
    raise NobodyThere("no agent takes commands on this device")
