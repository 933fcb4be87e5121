"""Calls that reach us: concurrent, each answered once (docs/contract/wamp.md 9.2, 9.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from reagent import log
from reagent.adapters.wamp import messages
from reagent.adapters.wamp.library import Message, message
from reagent.aio.supervise import Tasks
from reagent.contracts.messenger import Handler
from reagent.errors import CallFailed, NotConnected, ReagentError
from reagent.model.call import Call

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    task: asyncio.Task[None]
    timer: asyncio.TimerHandle | None

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.task.cancel()


class Invocations:
    """The handlers of one session and the calls they are at.

    Args:
        reply: sends an answer.
        tasks: owns the running handlers.
    """

    def __init__(self, reply: Callable[[Message], None], tasks: Tasks) -> None:
        self._reply = reply
        self._tasks = tasks
        self._handlers: dict[int, Handler] = {}
        self._running: dict[int, _Running] = {}

    def offer(self, registration: int, handler: Handler) -> None:
        """From now on `handler` answers."""
        self._handlers[registration] = handler

    def withdraw(self, registration: int) -> None:
        """No new calls; running ones go on."""
        self._handlers.pop(registration, None)

    def arrived(self, invocation: message.Invocation) -> None:
        """Start answering."""
        number: int = invocation.request
        handler = self._handlers.get(invocation.registration)
        if handler is None:
            self._reply(messages.unknown_registration(number, invocation.registration))
            return
        asked = Call(invocation.args or (), invocation.kwargs or {}, invocation.caller_authid)
        timer = None
        if invocation.timeout:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(invocation.timeout / 1000, self.interrupt, number)
        task = self._tasks.start(self._serve(number, handler, asked), "invocation")
        self._running[number] = _Running(task, timer)

    def interrupt(self, number: int) -> None:
        """The caller, or the time it gave, is gone: say so, and drop what the handler makes."""
        running = self._running.pop(number, None)
        if running is not None:
            running.stop()
            self._reply(messages.interrupted(number))

    def drop_all(self) -> None:
        """The session is over: nobody can be answered."""
        running, self._running = self._running, {}
        for each in running.values():
            each.stop()

    async def _serve(self, number: int, handler: Handler, asked: Call) -> None:
        try:
            reply = messages.success(number, await handler(asked))
        except ReagentError as error:
            reply = messages.failure(number, str(error))
        except Exception as error:  # noqa: BLE001 - callers get an answer whatever broke
            _log.exception("a handler failed", error=error)
            reply = messages.failure(number, messages.INTERNAL)
        running = self._running.pop(number, None)
        if running is None:
            return
        if running.timer is not None:
            running.timer.cancel()
        try:
            self._reply(reply)
        except NotConnected:
            return
        except CallFailed as error:
            _log.error("an answer cannot be sent", error=error)
            self._reply(messages.failure(number, str(error)))
