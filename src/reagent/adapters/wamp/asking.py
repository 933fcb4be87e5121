"""Asking the router, and what becomes of it (docs/contract/wamp.md 1.5, 1.6)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from reagent import log
from reagent.adapters.wamp import messages
from reagent.adapters.wamp.library import Message, message
from reagent.adapters.wamp.line import Line
from reagent.adapters.wamp.requests import Requests
from reagent.aio.bounded import within
from reagent.errors import CallFailed, DeadlineExceeded, NotConnected, Unavailable
from reagent.model.call import Answer

_log = log.get(__name__)
# For -debugMessaging: kinds of messages, never what is in them.
_library_log = logging.getLogger("autobahn.wamp")

T = TypeVar("T")

CALL: int = message.Call.MESSAGE_TYPE
PUBLISH: int = message.Publish.MESSAGE_TYPE

# The loose rule of WAMP. A router ends the session of whoever breaks it.
_URI = re.compile(r"[^\s.#]+(?:\.[^\s.#]+)*")


class Asking:
    """The outgoing half of a session.

    Args:
        patience: seconds for every answer of the router itself; calls are answered by others.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._line: Line | None = None
        self._requests = Requests()

    def attach(self, line: Line) -> None:
        """Where messages go."""
        self._line = line

    def send(self, outgoing: Message) -> None:
        """Send one message.

        Raises:
            NotConnected: there is no connection any more.
            CallFailed: it cannot be sent: no form in JSON, or too large.
        """
        if self._line is None:
            raise NotConnected
        self._line.send(messages.encode(outgoing))
        if _library_log.isEnabledFor(logging.DEBUG):
            _library_log.debug("sent %s", type(outgoing).__name__)

    def tell(self, make: Callable[[int], Message]) -> None:
        """Send a request as a courtesy: neither its answer nor its failure is news."""
        with suppress(Unavailable):
            self.send(make(self._requests.number()))

    async def ask(
        self,
        kind: int,
        make: Callable[[int], Message],
        accept: Callable[[object], T],
        what: str,
    ) -> T:
        """Send a request and wait for the router's answer.

        Args:
            kind: the message type of the request.
            make: makes it, given its number.
            accept: see `requests.Request`.
            what: names the answer, should it not come.

        Raises:
            NotConnected: the session ended.
            CallFailed: the router refused.
            DeadlineExceeded: it did not answer in time.
        """
        return await self._wait(self._patience, kind, make, accept, what)

    async def call(
        self,
        procedure: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        deadline: float | None,
    ) -> Answer:
        """CALL; CANCEL on the deadline, and when the caller is cancelled."""
        number = 0

        def make(given: int) -> Message:
            nonlocal number
            number = given
            return messages.call(given, procedure, args=list(args), kwargs=dict(kwargs))

        try:
            return await self._wait(deadline, CALL, make, messages.answer, f"answer of {procedure}")
        except (DeadlineExceeded, asyncio.CancelledError):
            with suppress(Unavailable):
                self.send(messages.cancel(number))
            raise

    async def publish(self, topic: str, args: Sequence[object], *, acknowledge: bool) -> None:
        """PUBLISH; first waits for room on the network, last for PUBLISHED where that is wanted.

        Raises:
            CallFailed: the topic is none. Names of apps are part of topics, and come from outside.
        """
        if _URI.fullmatch(topic) is None:
            raise CallFailed(f"{topic!r} is no topic")
        if self._line is not None:
            await within(self._patience, self._line.drained(), "room to send")
        if acknowledge:
            await self.ask(
                PUBLISH,
                lambda number: messages.publish(number, topic, args=list(args), acknowledge=True),
                lambda _: None,
                f"PUBLISHED for {topic}",
            )
        else:
            self.send(messages.publish(self._requests.number(), topic, args=list(args)))

    async def withdraw(self, kind: int, make: Callable[[int], Message]) -> None:
        """UNREGISTER or UNSUBSCRIBE; what is gone already is fine."""
        try:
            await self.ask(kind, make, lambda _: None, "word that it is withdrawn")
        except Unavailable as error:
            _log.debug("not withdrawn", error=error)

    def answered(self, kind: int, number: int, reply: object) -> bool:
        """The router's answer came; False when nobody waits for it."""
        request = self._requests.take(number, kind)
        return request is not None and request.answered(reply)

    def refused(self, error: message.Error) -> None:
        """The router's ERROR came."""
        request = self._requests.take(error.request, error.request_type)
        if request is not None:
            text = messages.error_text(error.error, error.args, error.kwargs)
            request.failed(CallFailed(text, error.error))

    def over(self) -> None:
        """The session ended: everybody who waits learns it, and nothing is sent any more."""
        self._line = None
        self._requests.fail_all(NotConnected)

    async def _wait(
        self,
        bound: float | None,
        kind: int,
        make: Callable[[int], Message],
        accept: Callable[[object], T],
        what: str,
    ) -> T:
        number, future = self._requests.start(kind, accept)
        try:
            self.send(make(number))
            return await within(bound, future, what)
        finally:
            self._requests.forget(number)
