"""What commands and the agent say to each other, whatever carries it.

    {"order": "check"}                 a line from the command, nothing more follows
    {"news": {"bytes": 1, "of": 9}}    any number of lines
    {"answer": {"text": "..."}}        or {"error": "...", "kind": "blocked"}; then the end

Whoever asks is answered, or sent away with words, in bounded time; who says nothing, or does not
read, keeps nobody else from it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from reagent import log
from reagent.aio.supervise import end
from reagent.contracts.control import Desk, Plain
from reagent.errors import ReagentError, Unavailable

LONGEST_LINE: Final = 64 * 1024
# Between two lines of an answer: a download that stalls says so before.
ANSWER_WITHIN_S: Final = 180.0

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of it there is.

    Attributes:
        guests: so many may be connected.
        orders: so many are obeyed at once.
        order_within: seconds in which the order must have come.
        place_within: seconds that an order waits while as many are obeyed as may be.
        heard_within: seconds in which whoever asked must read what is said.
    """

    guests: int = 64
    orders: int = 8
    order_within: float = 5.0
    place_within: float = 10.0
    heard_within: float = 30.0


LIMITS: Final = Limits()
_CLOSE_WITHIN_S: Final = 2.0
_BUSY: Final = "too many commands are given to this agent at once: try again"


def without(trouble: str) -> None:
    """Where nothing can carry orders, the agent does without."""
    _log.warning("no commands can be given to this agent", error=trouble)


class Counter:
    """Serves whoever comes.

    Args:
        desk: gives whoever obeys an order; what that needs is imported no sooner.
        limits: see there.
    """

    def __init__(self, desk: Callable[[], Desk], limits: Limits) -> None:
        self._desk = desk
        self._limits = limits
        self._guests: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(limits.orders)

    def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one more, in a task."""
        serving = self._serve(_Guest(reader, writer, self._limits))
        task = asyncio.create_task(serving, name="obey a command")
        self._guests.add(task)
        task.add_done_callback(self._guests.discard)

    async def close(self) -> None:
        """Let go of whoever is being served."""
        await end(self._guests, _CLOSE_WITHIN_S)

    async def _serve(self, guest: _Guest) -> None:
        try:
            if len(self._guests) > self._limits.guests:
                await guest.refuse(_BUSY, "busy")
            else:
                await self._hear(guest)
        finally:
            await guest.leave()

    async def _hear(self, guest: _Guest) -> None:
        asked = await guest.order()
        if asked is None:
            await guest.refuse("that is no order", "bad-request")
            return
        try:
            async with asyncio.timeout(self._limits.place_within):
                await self._places.acquire()
        except TimeoutError:
            await guest.refuse(_BUSY, "busy")
            return
        try:
            await self._obey(guest, *asked)
        finally:
            self._places.release()

    async def _obey(self, guest: _Guest, order: str, arguments: Plain) -> None:
        async def news(content: Plain) -> None:
            await guest.say({"news": content})

        _log.info("a command is given to this agent", order=order)
        try:
            await guest.say({"answer": await self._desk().obey(order, arguments, news)})
        except ReagentError as error:
            await guest.refuse(str(error), error.slug)
        except Exception as error:  # noqa: BLE001 - a command that breaks ends with words, too
            _log.exception("a command broke", order=order)
            await guest.refuse(f"{type(error).__name__}: {error}", "failed")


class _Guest:
    """Whoever is connected; may be gone, or deaf, at any moment: what was ordered is done."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits

    async def order(self) -> tuple[str, Plain] | None:
        """The order and its arguments; None for anything else."""
        try:
            async with asyncio.timeout(self._limits.order_within):
                asked = json.loads(await self._reader.readline())
        except (ValueError, RecursionError, OSError):  # too late is an OSError, too
            return None
        if not isinstance(asked, dict):
            return None
        order, arguments = asked.get("order"), asked.get("arguments") or {}
        if not isinstance(order, str) or not isinstance(arguments, dict):
            return None
        return order, arguments

    async def refuse(self, text: str, kind: str) -> None:
        """The last line, where there is no answer."""
        await self.say({"error": text, "kind": kind})

    async def say(self, line: Plain) -> None:
        """One line; who does not take it is left."""
        if self._writer.transport.is_closing():
            return
        self._writer.write(json.dumps(line).encode() + b"\n")
        await self._heard(self._writer.drain())

    async def leave(self) -> None:
        """Goodbye, once the last line is read."""
        self._writer.close()
        await self._heard(self._writer.wait_closed())

    async def _heard(self, waiting: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.heard_within):
                await waiting
        except OSError:  # too late is one, too
            self._writer.transport.abort()
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise


class NobodyThere(Unavailable):
    """No agent takes commands at this device."""

    slug = "nobody-there"


class Refusal(ReagentError):
    """The agent did not do it; the text is its own."""

    slug = "refusal"

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


def nobody_there() -> NobodyThere:
    """What a command is told where no agent is found."""
    return NobodyThere("no agent takes commands on this device")


def converse(
    say: Callable[[bytes], None], heard: Iterable[bytes], word: str, arguments: Plain
) -> Iterator[tuple[bool, Plain]]:
    """Give an order to the agent at the other end, from a command.

    Args:
        say: sends the order.
        heard: the lines that come back; each in bounded time, or an `OSError`.
        word: the order.
        arguments: of it.

    Yields:
        Pairs of whether it is the answer, and content; the answer comes last.

    Raises:
        Refusal: it does not do it.
        Unavailable: it does not answer.
    """
    try:
        say(json.dumps({"order": word, "arguments": arguments}).encode() + b"\n")
        for text in heard:
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
