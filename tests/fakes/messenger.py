"""A router in memory, and a messenger that has always been connected to one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from reagent.contracts.messenger import Handler, Listener
from reagent.errors import CallFailed, DeadlineExceeded, NotConnected, ReagentError
from reagent.model.call import Answer, Call, Event

Procedure = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Called:
    """One call that went out."""

    procedure: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """One publication that went out."""

    topic: str
    args: tuple[object, ...] = ()
    acknowledge: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration that was asked for."""

    procedure: str
    force: bool


class FakeHandle:
    """Implements `contracts.messenger.Handle`."""

    def __init__(self, number: int, forget: Callable[[], None]) -> None:
        self.id = number
        self._forget = forget

    async def remove(self) -> None:
        self._forget()


class FakeRouter:
    """What sessions share: who offers and who hears what. Knows `force_reregister` as Crossbar does."""

    def __init__(self) -> None:
        self.procedures: dict[str, tuple[FakeMessenger | None, Handler]] = {}
        self.listeners: dict[str, list[tuple[FakeMessenger, Listener]]] = {}
        self.numbers = count(12345)
        self.forbidden: set[str] = set()
        self.silent: set[str] = set()

    def offer(self, procedure: str, handler: Procedure) -> None:
        """The platform offers a procedure."""
        self.procedures[procedure] = (None, handler)

    def answer(self, procedure: str, *args: object) -> None:
        """The platform answers a procedure always the same."""

        async def same(_: Call) -> Answer:
            return Answer(list(args))

        self.offer(procedure, same)

    def claim(self, session: FakeMessenger, procedure: str) -> None:
        """A session holds a procedure from before we came."""

        async def empty(_: Call) -> Answer:
            return Answer()

        self.procedures[procedure] = (session, empty)

    def fail(self, procedure: str, text: str = "out of order") -> None:
        """The platform answers a procedure with an error."""

        async def broken(_: Call) -> Answer:
            raise CallFailed(f"wamp.error.runtime_error: {text}", "wamp.error.runtime_error")

        self.offer(procedure, broken)

    def swallow(self, uri: str) -> None:
        """No answer to whatever concerns this URI."""
        self.silent.add(uri)

    def hear(self, uri: str) -> None:
        """Answers again."""
        self.silent.discard(uri)

    def forbid(self, uri: str) -> None:
        """Refuse to register, subscribe or publish this URI."""
        self.forbidden.add(uri)

    def forget(self, session: FakeMessenger) -> None:
        """A session is gone, with all it offered and listened to."""
        for uri, (owner, _) in list(self.procedures.items()):
            if owner is session:
                del self.procedures[uri]
        for listeners in self.listeners.values():
            listeners[:] = [each for each in listeners if each[0] is not session]

    async def emit(self, topic: str, *args: object, **kwargs: object) -> None:
        """Somebody publishes."""
        for session, listener in tuple(self.listeners.get(topic, ())):
            await session.hears(listener, Event(topic, list(args), kwargs))


class FakeMessenger:
    """Implements `contracts.messenger.Messenger`, and writes down what goes out."""

    def __init__(self, router: FakeRouter | None = None, caller: object = "1-1") -> None:
        self.router = router or FakeRouter()
        self.caller = caller
        self.calls: list[Called] = []
        self.publications: list[Published] = []
        self.registrations: list[Registered] = []
        self.subscriptions: list[str] = []
        self._id = next(self.router.numbers)
        self._up = True
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def connected(self) -> bool:
        return self._up

    @property
    def session_id(self) -> int:
        return self._id if self._up else 0

    def go_down(self) -> None:
        """The session is gone: whoever waits learns it."""
        self._up = False
        self.router.forget(self)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(NotConnected())

    def come_up(self) -> None:
        """Connected again, with another number."""
        self._up = True
        self._id = next(self.router.numbers)

    def published(self, topic: str) -> list[tuple[object, ...]]:
        """The arguments of everything that went out on a topic, in order."""
        return [each.args for each in self.publications if each.topic == topic]

    def called(self, procedure: str) -> list[tuple[object, ...]]:
        """The arguments of every call of a procedure, in order."""
        return [each.args for each in self.calls if each.procedure == procedure]

    async def ask(
        self, procedure: str, *args: object, caller: object = "system", **kwargs: object
    ) -> Answer:
        """Somebody calls a procedure; a `ReagentError` of the handler passes through."""
        _, handler = self.router.procedures[procedure]
        return await handler(Call(list(args), kwargs, caller))

    async def call(
        self,
        procedure: str,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        self._require()
        self.calls.append(Called(procedure, args, dict(kwargs or {}), deadline))
        if procedure in self.router.silent:
            await self._silence(deadline)
        if procedure not in self.router.procedures:
            uri = "wamp.error.no_such_procedure"
            raise CallFailed(f"{uri}: no callee registered for procedure <{procedure}>", uri)
        _, handler = self.router.procedures[procedure]
        try:
            async with asyncio.timeout(deadline):
                return await self._while_up(
                    handler(Call(list(args), dict(kwargs or {}), self.caller))
                )
        except TimeoutError as error:
            raise DeadlineExceeded(f"no answer of {procedure} within {deadline} s") from error
        except (CallFailed, NotConnected, DeadlineExceeded):
            raise
        except ReagentError as error:
            uri = "wamp.error.canceled"
            raise CallFailed(f'{uri}: {{"error": "{error}"}}', uri) from error
        except Exception as error:
            uri = "wamp.error.canceled"
            raise CallFailed(f'{uri}: {{"error": "internal error"}}', uri) from error

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        self._require()
        self.publications.append(Published(topic, args, acknowledge))
        if topic in self.router.forbidden:
            if acknowledge:
                raise CallFailed("wamp.error.not_authorized", "wamp.error.not_authorized")
            return
        for session, listener in tuple(self.router.listeners.get(topic, ())):
            # A publisher does not hear itself.
            if session is not self:
                await session.hears(listener, Event(topic, list(args)))

    async def register(self, procedure: str, handler: Handler, *, force: bool = True) -> FakeHandle:
        self._require()
        self.registrations.append(Registered(procedure, force))
        await self._admit(procedure)
        if procedure in self.router.procedures and not force:
            uri = "wamp.error.procedure_already_exists"
            raise CallFailed(f"{uri}: register for already registered procedure '{procedure}'", uri)
        self.router.procedures[procedure] = (self, handler)
        return FakeHandle(next(self.router.numbers), lambda: self._withdraw(procedure))

    async def subscribe(self, topic: str, listener: Listener) -> FakeHandle:
        self._require()
        self.subscriptions.append(topic)
        await self._admit(topic)
        entry = (self, listener)
        self.router.listeners.setdefault(topic, []).append(entry)
        return FakeHandle(next(self.router.numbers), lambda: self._deafen(topic, entry))

    async def hears(self, listener: Listener, event: Event) -> None:
        """Deliver an event; a listener that fails harms nobody."""
        with suppress(Exception):
            await listener(event)

    def _require(self) -> None:
        if not self.connected:
            raise NotConnected

    async def _admit(self, uri: str) -> None:
        if uri in self.router.silent:
            await self._silence(0.0)
        if uri in self.router.forbidden:
            raise CallFailed("wamp.error.not_authorized", "wamp.error.not_authorized")

    async def _silence(self, deadline: float | None) -> None:
        if deadline is None:
            await self._while_up(asyncio.Event().wait())
        raise DeadlineExceeded(f"no answer within {deadline} s")

    async def _while_up(self, work: Awaitable[object]) -> Answer:
        down: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(down)
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait((down, working), return_when=asyncio.FIRST_COMPLETED)
            if down.done():
                down.result()
            answer = working.result()
            return answer if isinstance(answer, Answer) else Answer()
        finally:
            working.cancel()
            self._waiting.discard(down)
            if not down.done():
                down.cancel()

    def _withdraw(self, procedure: str) -> None:
        holder = self.router.procedures.get(procedure)
        if holder is not None and holder[0] is self:
            del self.router.procedures[procedure]

    def _deafen(self, topic: str, entry: tuple[FakeMessenger, Listener]) -> None:
        listeners = self.router.listeners.get(topic, [])
        if entry in listeners:
            listeners.remove(entry)
