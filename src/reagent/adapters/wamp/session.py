"""One joined session with the router (docs/contract/wamp.md 1.6, 1.11, 1.12, 9.2, 9.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from reagent import log
from reagent.adapters.wamp import incoming, messages
from reagent.adapters.wamp.asking import Asking
from reagent.adapters.wamp.handles import Handle
from reagent.adapters.wamp.handshake import Handshake
from reagent.adapters.wamp.invocations import Invocations
from reagent.adapters.wamp.keepalive import Keepalive
from reagent.adapters.wamp.library import Message, ProtocolError, message
from reagent.adapters.wamp.line import Line, Patience
from reagent.adapters.wamp.subscriptions import Subscriptions
from reagent.aio.supervise import Tasks
from reagent.contracts.messenger import Handler, Listener
from reagent.errors import NotConnected, Unavailable
from reagent.model.call import Answer
from reagent.model.device import Identity

_log = log.get(__name__)
# For -debugMessaging: kinds of messages, never what is in them.
_library_log = logging.getLogger("autobahn.wamp")


_GOING_AWAY = 1001
_SERVICE_RESTART = 1012
_HANG_UP_S = 2.0


class RouterSession:
    """Implements `contracts.messenger.Session`; a line is attached before `join`."""

    def __init__(self, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        self._patience = patience
        self._line: Line | None = None
        self._asking = Asking(patience.response)
        self._id = 0
        self._leaving = False
        self._farewell: asyncio.Future[None] = loop.create_future()
        self._end: asyncio.Future[bool] = loop.create_future()
        self._tasks = Tasks()
        self._handshake = Handshake(self._asking.send)
        self._invocations = Invocations(self._reply, self._tasks)
        self._subscriptions = Subscriptions()
        self._keepalive = Keepalive(patience.ping, self._ping, self._dead)
        self._reactions: Mapping[type, Callable[..., None]] = {
            message.Challenge: self._handshake.challenged,
            message.Welcome: self._on_welcome,
            message.Abort: self._on_abort,
            message.Goodbye: self._on_goodbye,
            message.Error: self._asking.refused,
            message.Result: self._on_result,
            message.Published: self._on_published,
            message.Registered: self._on_registered,
            message.Unregistered: self._on_unregistered,
            message.Subscribed: self._on_subscribed,
            message.Unsubscribed: self._on_unsubscribed,
            message.Event: self._on_event,
            message.Invocation: self._invocations.arrived,
            message.Interrupt: self._on_interrupt,
        }

    # Joining and leaving.

    def attach(self, line: Line) -> None:
        """The connection this session lives on."""
        self._line = line
        self._asking.attach(line)

    async def join(self, identity: Identity) -> None:
        """Be let in.

        Raises:
            AuthenticationRefused: the router says that our signature is wrong.
            DialFailed: it says something else, or nothing in time.
        """
        await self._handshake.run(identity, self._patience.response)

    async def ended(self) -> bool:
        """Wait for the end; True when the router said goodbye for a shutdown."""
        return await asyncio.shield(self._end)

    async def leave(self, within: float) -> None:
        """GOODBYE, the router's answer, close code 1000; `within` seconds for all of it."""
        line = self._line
        if self._end.done() or line is None:
            return
        self._leaving = True
        try:
            async with asyncio.timeout(within):
                self._asking.send(messages.goodbye(messages.CLOSE_REALM))
                await asyncio.wait((self._farewell, self._end), return_when=asyncio.FIRST_COMPLETED)
                await line.close()
        except (TimeoutError, Unavailable) as error:
            _log.debug("left without the router's goodbye", error=error)
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection now; a no-op when it is gone."""
        self._finish(shutdown=False, reason="we dropped it")
        if self._line is not None:
            self._line.abort()

    @property
    def connected(self) -> bool:
        """Joined, not leaving, not over."""
        return self._id != 0 and not self._leaving and not self._end.done()

    @property
    def session_id(self) -> int:
        """The router's number of this session; 0 when it is over."""
        return self._id if self.connected else 0

    # What can be asked of the router.

    async def call(
        self,
        procedure: str,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """CALL; on the deadline, or when the caller is cancelled, CANCEL."""
        self._require()
        return await self._asking.call(procedure, args, kwargs or {}, deadline)

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        """PUBLISH; waits for the network when it is behind, with `acknowledge` for PUBLISHED."""
        self._require()
        await self._asking.publish(topic, args, acknowledge=acknowledge)

    async def register(self, procedure: str, handler: Handler, *, force: bool = True) -> Handle:
        """REGISTER."""

        def accept(reply: object) -> Handle:
            number = messages.number_in(reply, "registration")
            self._invocations.offer(number, handler)
            return Handle(number, lambda: self._unregister(number))

        self._require()
        return await self._asking.ask(
            message.Register.MESSAGE_TYPE,
            lambda number: messages.register(number, procedure, force=force),
            accept,
            f"REGISTERED for {procedure}",
        )

    async def subscribe(self, topic: str, listener: Listener) -> Handle:
        """SUBSCRIBE, exact match."""

        def accept(reply: object) -> Handle:
            number = messages.number_in(reply, "subscription")
            self._subscriptions.add(number, topic, listener)
            return Handle(number, lambda: self._unsubscribe(number, listener))

        self._require()
        return await self._asking.ask(
            message.Subscribe.MESSAGE_TYPE,
            lambda number: messages.subscribe(number, topic),
            accept,
            f"SUBSCRIBED for {topic}",
        )

    # What the line tells.

    def received(self, payload: bytes) -> None:
        """One message. What cannot be understood is logged and skipped: a router is no enemy."""
        try:
            said = incoming.decode(payload)
        except ProtocolError as error:
            _log.warning("unusable message from the router", error=error)
            number = incoming.invocation_in(payload)
            if number is not None:
                self._courtesy(messages.not_understood(number, str(error)))
            return
        if _library_log.isEnabledFor(logging.DEBUG):
            _library_log.debug("received %s", type(said).__name__)
        self._reactions[type(said)](said)

    def ponged(self, payload: bytes) -> None:
        """Somebody is there."""
        self._keepalive.ponged(payload)

    def lost(self, code: int | None, reason: str) -> None:
        """The connection is gone."""
        self._finish(shutdown=code in {_GOING_AWAY, _SERVICE_RESTART}, reason=reason)

    def _on_welcome(self, welcome: message.Welcome) -> None:
        if self._handshake.over:
            return
        self._id = welcome.session
        self._tasks.start(self._subscriptions.deliver(), "deliver events")
        self._keepalive.start()
        self._handshake.welcomed()

    def _on_abort(self, abort: message.Abort) -> None:
        text = f"{abort.reason}: {abort.message}" if abort.message else str(abort.reason)
        text = " ".join(text.split())  # what is said of it is one line
        self._handshake.refused(text)
        self._over(abort.reason, text)

    def _on_goodbye(self, goodbye: message.Goodbye) -> None:
        if self._leaving or self._end.done():
            if not self._farewell.done():
                self._farewell.set_result(None)
            return
        self._courtesy(messages.goodbye(messages.GOODBYE_AND_OUT))
        self._over(goodbye.reason, f"the router said {goodbye.reason}")

    def _on_result(self, result: message.Result) -> None:
        # Progress was not asked for; a result that comes after CANCEL finds nobody.
        if not result.progress:
            self._asking.answered(message.Call.MESSAGE_TYPE, result.request, result)

    def _on_published(self, published: message.Published) -> None:
        self._asking.answered(message.Publish.MESSAGE_TYPE, published.request, published)

    def _on_registered(self, registered: message.Registered) -> None:
        if not self._asking.answered(message.Register.MESSAGE_TYPE, registered.request, registered):
            # Nobody waited that long; calls must not end up with us.
            self._asking.tell(lambda n: messages.unregister(n, registered.registration))

    def _on_unregistered(self, unregistered: message.Unregistered) -> None:
        if not self._asking.answered(
            message.Unregister.MESSAGE_TYPE, unregistered.request, unregistered
        ):
            # Not our wish: another session took the procedure over.
            self._invocations.withdraw(unregistered.registration or 0)

    def _on_subscribed(self, subscribed: message.Subscribed) -> None:
        number = subscribed.subscription
        known = self._asking.answered(
            message.Subscribe.MESSAGE_TYPE, subscribed.request, subscribed
        )
        if not known and not self._subscriptions.has(number):
            self._asking.tell(lambda n: messages.unsubscribe(n, number))

    def _on_unsubscribed(self, unsubscribed: message.Unsubscribed) -> None:
        if not self._asking.answered(
            message.Unsubscribe.MESSAGE_TYPE, unsubscribed.request, unsubscribed
        ):
            self._subscriptions.forget(unsubscribed.subscription or 0)

    def _on_event(self, event: message.Event) -> None:
        self._subscriptions.arrived(
            event.subscription, event.topic, event.args or (), event.kwargs or {}
        )

    def _on_interrupt(self, interrupt: message.Interrupt) -> None:
        self._invocations.interrupt(interrupt.request)

    # The small print.

    def _require(self) -> None:
        if not self.connected:
            raise NotConnected

    def _courtesy(self, outgoing: Message) -> None:
        with suppress(Unavailable):
            self._asking.send(outgoing)

    def _reply(self, outgoing: Message) -> None:
        """Answers of handlers; nobody waits for them once the session is over."""
        if self.connected:
            self._asking.send(outgoing)

    async def _unregister(self, registration: int) -> None:
        self._invocations.withdraw(registration)
        await self._asking.withdraw(
            message.Unregister.MESSAGE_TYPE,
            lambda number: messages.unregister(number, registration),
        )

    async def _unsubscribe(self, subscription: int, listener: Listener) -> None:
        if self._subscriptions.remove(subscription, listener):
            await self._asking.withdraw(
                message.Unsubscribe.MESSAGE_TYPE,
                lambda number: messages.unsubscribe(number, subscription),
            )

    def _ping(self, payload: bytes) -> None:
        if self._line is not None:
            self._line.ping(payload)

    def _dead(self) -> None:
        self._finish(shutdown=False, reason="pings without an answer")
        self.abort()

    def _over(self, uri: str | None, reason: str) -> None:
        """The router ended it: the connection follows."""
        self._finish(shutdown=uri == messages.SYSTEM_SHUTDOWN, reason=reason)
        self._tasks.start(self._hang_up(), "hang up")

    def _finish(self, *, shutdown: bool, reason: str) -> None:
        if self._end.done():
            return
        self._end.set_result(shutdown)
        self._handshake.refused(reason)
        self._keepalive.stop()
        self._asking.over()
        self._invocations.drop_all()
        self._tasks.cancel()
        if self._id:
            _log.info("session ended", session=self._id, reason=reason, shutdown=shutdown)

    async def _hang_up(self) -> None:
        if self._line is None:
            return
        try:
            async with asyncio.timeout(_HANG_UP_S):
                await self._line.close()
        except TimeoutError:
            self._line.abort()
