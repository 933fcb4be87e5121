"""One joined session with the router (docs/contract/wamp.md 1.2-1.6, 1.11, 1.12, 9.2, 9.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from reagent import log
from reagent.adapters.wamp import cra, messages
from reagent.adapters.wamp.invocations import Invocations
from reagent.adapters.wamp.library import Message, ProtocolError, message
from reagent.adapters.wamp.requests import Requests
from reagent.adapters.wamp.subscriptions import Subscriptions
from reagent.adapters.wamp.wire import Wire
from reagent.aio import bounded
from reagent.aio.supervise import Tasks
from reagent.contracts.messenger import Handler, Listener
from reagent.errors import (
    AuthenticationRefused,
    CallFailed,
    DeadlineExceeded,
    DialFailed,
    NotConnected,
    ReagentError,
    Unavailable,
)
from reagent.model.call import Answer
from reagent.model.device import Identity

_log = log.get("reagent.wamp")

T = TypeVar("T")

BAD_SECRET = "signature is invalid"  # noqa: S105 - what routers say, not a secret
KEEPALIVE = b"keepalive"
UNANSWERED_PINGS = 2
_GOING_AWAY = 1001
_SERVICE_RESTART = 1012
_HANG_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one session waits.

    Attributes:
        response: seconds for every answer of the router itself.
        ping: seconds between keepalive pings; 0 sends none.
    """

    response: float = 5.0
    ping: float = 0.0


class RouterSession:
    """Implements `contracts.messenger.Session`; `wire` gets attached before `join`."""

    def __init__(self, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        self._patience = patience
        self._wire: Wire | None = None
        self._identity: Identity | None = None
        self._id = 0
        self._leaving = False
        self._challenged: asyncio.Future[None] = loop.create_future()
        self._joined: asyncio.Future[None] = loop.create_future()
        self._farewell: asyncio.Future[None] = loop.create_future()
        self._end: asyncio.Future[bool] = loop.create_future()
        self._requests = Requests()
        self._tasks = Tasks()
        self._invocations = Invocations(self._reply, self._tasks)
        self._subscriptions = Subscriptions()
        self._unanswered = 0
        self._next_ping: asyncio.TimerHandle | None = None

    # Joining and leaving.

    def attach(self, wire: Wire) -> None:
        """The connection this session lives on."""
        self._wire = wire

    async def join(self, identity: Identity) -> None:
        """Say HELLO, answer the challenge, be welcome.

        Raises:
            AuthenticationRefused: the router says that our signature is wrong.
            DialFailed: it says something else, or nothing in time.
        """
        self._identity = identity
        try:
            self._send(messages.hello(identity.authid))
            await bounded.within(self._patience.response, self._challenged, "answer to HELLO")
            await bounded.within(self._patience.response, self._joined, "WELCOME")
        except (DeadlineExceeded, NotConnected) as error:
            raise DialFailed(f"not let in by the router: {error}") from error

    async def ended(self) -> bool:
        """Wait for the end; True when the router said goodbye for a shutdown."""
        return await asyncio.shield(self._end)

    async def leave(self, within: float) -> None:
        """GOODBYE, the router's answer, close code 1000; `within` seconds for all of it."""
        wire = self._wire
        if self._end.done() or wire is None:
            return
        self._leaving = True
        try:
            async with asyncio.timeout(within):
                self._send(messages.goodbye(messages.CLOSE_REALM))
                await asyncio.wait(
                    (self._farewell, self._end), return_when=asyncio.FIRST_COMPLETED
                )
                await wire.close()
        except (TimeoutError, Unavailable) as error:
            _log.debug("left without the router's goodbye", error=error)
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection now; a no-op when it is gone."""
        self._finish(shutdown=False, reason="dropped by us")
        if self._wire is not None:
            self._wire.abort()

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
        number, future = self._requests.start(message.Call.MESSAGE_TYPE, _answer)
        try:
            self._send(messages.call(number, procedure, args=list(args), kwargs=dict(kwargs or {})))
            return await bounded.within(deadline, future, f"answer of {procedure}")
        except (DeadlineExceeded, asyncio.CancelledError):
            self._tell(messages.cancel(number))
            raise
        finally:
            self._requests.forget(number)

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        """PUBLISH; waits for the network when it is behind, with `acknowledge` for PUBLISHED."""
        self._require()
        if acknowledge:
            await self._ask(
                message.Publish.MESSAGE_TYPE,
                lambda number: messages.publish(number, topic, args=list(args), acknowledge=True),
                lambda _: None,
                f"PUBLISHED for {topic}",
            )
            return
        if self._wire is not None:
            await bounded.within(self._patience.response, self._wire.drained(), "room on the network")
        self._require()
        self._send(messages.publish(self._requests.number(), topic, args=list(args)))

    async def register(
        self, procedure: str, handler: Handler, *, force: bool = True
    ) -> Registration:
        """REGISTER."""

        def accept(reply: object) -> Registration:
            number = _number(reply, "registration")
            self._invocations.offer(number, handler)
            return Registration(self, number)

        return await self._ask(
            message.Register.MESSAGE_TYPE,
            lambda number: messages.register(number, procedure, force=force),
            accept,
            f"REGISTERED for {procedure}",
        )

    async def subscribe(self, topic: str, listener: Listener) -> Subscription:
        """SUBSCRIBE, exact match."""

        def accept(reply: object) -> Subscription:
            number = _number(reply, "subscription")
            self._subscriptions.add(number, topic, listener)
            return Subscription(self, number, listener)

        return await self._ask(
            message.Subscribe.MESSAGE_TYPE,
            lambda number: messages.subscribe(number, topic),
            accept,
            f"SUBSCRIBED for {topic}",
        )

    async def unregister(self, registration: int) -> None:
        """Withdraw; what is gone already is fine."""
        self._invocations.withdraw(registration)
        await self._withdraw(
            message.Unregister.MESSAGE_TYPE,
            lambda number: messages.unregister(number, registration),
        )

    async def unsubscribe(self, subscription: int, listener: Listener) -> None:
        """Stop listening; the router is told with the last listener."""
        if self._subscriptions.remove(subscription, listener):
            await self._withdraw(
                message.Unsubscribe.MESSAGE_TYPE,
                lambda number: messages.unsubscribe(number, subscription),
            )

    # What the wire tells.

    def received(self, payload: bytes) -> None:
        """One message. What cannot be understood is logged and skipped: a router is no enemy."""
        try:
            incoming = messages.decode(payload)
        except ProtocolError as error:
            _log.warning("unusable message from the router", error=error)
            return
        react = _REACTIONS[type(incoming)]
        react(self, incoming)

    def ponged(self, payload: bytes) -> None:
        """Somebody is there."""
        if payload == KEEPALIVE:
            self._unanswered = 0

    def lost(self, code: int | None, reason: str) -> None:
        """The connection is gone."""
        self._finish(shutdown=code in {_GOING_AWAY, _SERVICE_RESTART}, reason=reason)

    def _on_challenge(self, challenge: message.Challenge) -> None:
        _settle(self._challenged)
        if self._identity is None or self._joined.done():
            return
        try:
            answer = ""
            if challenge.method == "wampcra":
                answer = cra.signature(self._identity.secret, challenge.extra or {})
            self._send(messages.authenticate(answer))
        except ReagentError as error:
            self._refused(error)

    def _on_welcome(self, welcome: message.Welcome) -> None:
        _settle(self._challenged)
        if self._joined.done():
            return
        self._id = welcome.session
        self._tasks.start(self._subscriptions.deliver(), "deliver events")
        self._keep_alive()
        _settle(self._joined)

    def _on_abort(self, abort: message.Abort) -> None:
        text = f"{abort.reason}: {abort.message}" if abort.message else str(abort.reason)
        _settle(self._challenged)
        if not self._joined.done():
            bad_secret = BAD_SECRET in text
            self._refused(AuthenticationRefused(text) if bad_secret else DialFailed(text))
            return
        self._finish(shutdown=abort.reason == messages.SYSTEM_SHUTDOWN, reason=text)
        self._tasks.start(self._hang_up(), "hang up")

    def _on_goodbye(self, goodbye: message.Goodbye) -> None:
        if self._leaving or self._end.done():
            _settle(self._farewell)
            return
        self._tell(messages.goodbye(messages.GOODBYE_AND_OUT))
        shutdown = goodbye.reason == messages.SYSTEM_SHUTDOWN
        self._finish(shutdown=shutdown, reason=f"the router said {goodbye.reason}")
        self._tasks.start(self._hang_up(), "hang up")

    def _on_error(self, error: message.Error) -> None:
        request = self._requests.take(error.request, error.request_type)
        if request is not None:
            text = messages.error_text(error.error, error.args, error.kwargs)
            request.failed(CallFailed(text, error.error))

    def _on_result(self, result: message.Result) -> None:
        # Progress was not asked for; a result that comes after CANCEL finds nobody.
        if not result.progress:
            self._answered(message.Call.MESSAGE_TYPE, result.request, result)

    def _on_published(self, published: message.Published) -> None:
        self._answered(message.Publish.MESSAGE_TYPE, published.request, published)

    def _on_registered(self, registered: message.Registered) -> None:
        kind = message.Register.MESSAGE_TYPE
        if not self._answered(kind, registered.request, registered):
            # Nobody waited that long; calls must not end up with us.
            self._tell(messages.unregister(self._requests.number(), registered.registration))

    def _on_unregistered(self, unregistered: message.Unregistered) -> None:
        kind = message.Unregister.MESSAGE_TYPE
        if not self._answered(kind, unregistered.request, unregistered):
            self._invocations.withdraw(unregistered.registration or 0)

    def _on_subscribed(self, subscribed: message.Subscribed) -> None:
        kind = message.Subscribe.MESSAGE_TYPE
        if not self._answered(kind, subscribed.request, subscribed):
            if not self._subscriptions.has(subscribed.subscription):
                number = self._requests.number()
                self._tell(messages.unsubscribe(number, subscribed.subscription))

    def _on_unsubscribed(self, unsubscribed: message.Unsubscribed) -> None:
        kind = message.Unsubscribe.MESSAGE_TYPE
        if not self._answered(kind, unsubscribed.request, unsubscribed):
            self._subscriptions.forget(unsubscribed.subscription or 0)

    def _on_event(self, event: message.Event) -> None:
        self._subscriptions.arrived(
            event.subscription, event.topic, event.args or (), event.kwargs or {}
        )

    def _on_invocation(self, invocation: message.Invocation) -> None:
        self._invocations.arrived(invocation)

    def _on_interrupt(self, interrupt: message.Interrupt) -> None:
        self._invocations.interrupt(interrupt.request)

    # The small print.

    def _require(self) -> None:
        if not self.connected:
            raise NotConnected

    def _send(self, outgoing: Message) -> None:
        if self._wire is None:
            raise NotConnected
        self._wire.send(messages.encode(outgoing))

    def _tell(self, outgoing: Message) -> None:
        """What is sent as a courtesy: not being able to is no news."""
        with suppress(Unavailable):
            self._send(outgoing)

    def _reply(self, outgoing: Message) -> None:
        """Answers of handlers; nobody waits for them once the session is over."""
        if self.connected:
            self._send(outgoing)

    async def _ask(
        self,
        kind: int,
        outgoing: Callable[[int], Message],
        accept: Callable[[object], T],
        what: str,
    ) -> T:
        self._require()
        number, future = self._requests.start(kind, accept)
        try:
            self._send(outgoing(number))
            return await bounded.within(self._patience.response, future, what)
        finally:
            self._requests.forget(number)

    async def _withdraw(self, kind: int, outgoing: Callable[[int], Message]) -> None:
        try:
            await self._ask(kind, outgoing, lambda _: None, "word that it is withdrawn")
        except Unavailable as error:
            _log.debug("not withdrawn", error=error)

    def _answered(self, kind: int, number: int, reply: object) -> bool:
        request = self._requests.take(number, kind)
        return request is not None and request.answered(reply)

    def _refused(self, error: ReagentError) -> None:
        if not self._joined.done():
            self._joined.set_exception(error)
            self._joined.exception()

    def _finish(self, *, shutdown: bool, reason: str) -> None:
        if self._end.done():
            return
        self._end.set_result(shutdown)
        _settle(self._challenged)
        self._refused(DialFailed(reason))
        if self._next_ping is not None:
            self._next_ping.cancel()
        self._requests.fail_all(NotConnected)
        self._invocations.drop_all()
        self._tasks.cancel()
        if self._id:
            _log.info("session ended", session=self._id, reason=reason, shutdown=shutdown)

    async def _hang_up(self) -> None:
        if self._wire is None:
            return
        try:
            async with asyncio.timeout(_HANG_UP_S):
                await self._wire.close()
        except TimeoutError:
            self._wire.abort()

    def _keep_alive(self) -> None:
        if self._patience.ping > 0:
            loop = asyncio.get_running_loop()
            self._next_ping = loop.call_later(self._patience.ping, self._ping)

    def _ping(self) -> None:
        if self._wire is None or self._end.done():
            return
        if self._unanswered >= UNANSWERED_PINGS:
            self._finish(shutdown=False, reason=f"{self._unanswered} pings without an answer")
            self._wire.abort()
            return
        self._unanswered += 1
        self._wire.ping(KEEPALIVE)
        self._keep_alive()


@dataclass(frozen=True, slots=True)
class Registration:
    """Implements `contracts.messenger.Handle`."""

    session: RouterSession
    id: int

    async def remove(self) -> None:
        """Unregister."""
        await self.session.unregister(self.id)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Implements `contracts.messenger.Handle`."""

    session: RouterSession
    id: int
    listener: Listener

    async def remove(self) -> None:
        """Unsubscribe."""
        await self.session.unsubscribe(self.id, self.listener)


def _answer(reply: object) -> Answer:
    if not isinstance(reply, message.Result):
        return Answer()
    return Answer(reply.args or (), reply.kwargs or {})


def _number(reply: object, name: str) -> int:
    value: int = getattr(reply, name)
    return value


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


_REACTIONS: Mapping[type, Callable[..., None]] = {
    message.Challenge: RouterSession._on_challenge,
    message.Welcome: RouterSession._on_welcome,
    message.Abort: RouterSession._on_abort,
    message.Goodbye: RouterSession._on_goodbye,
    message.Error: RouterSession._on_error,
    message.Result: RouterSession._on_result,
    message.Published: RouterSession._on_published,
    message.Registered: RouterSession._on_registered,
    message.Unregistered: RouterSession._on_unregistered,
    message.Subscribed: RouterSession._on_subscribed,
    message.Unsubscribed: RouterSession._on_unsubscribed,
    message.Event: RouterSession._on_event,
    message.Invocation: RouterSession._on_invocation,
    message.Interrupt: RouterSession._on_interrupt,
}
