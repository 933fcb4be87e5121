"""One WAMP session of the sandbox, in terms a test can wait for: joined, lost, called, heard."""

# mypy: allow-untyped-calls
# autobahn is annotated in parts only

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import txaio
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp import auth
from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.serializer import JsonSerializer
from autobahn.wamp.types import (
    CallDetails,
    CallOptions,
    CallResult,
    EventDetails,
    PublishOptions,
    RegisterOptions,
    SubscribeOptions,
)

from sandbox.router import REALM
from sandbox.under_test import patient

JOIN_S: Final = 10.0
CALL_S: Final = 20.0

CallError = ApplicationError
"""What a failed call raises: `.error` is the URI; `.args`, `.kwargs` are what the callee sent."""


class NotJoined(Exception):
    """The router did not let us in, or there is none; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a call gave back."""

    args: tuple[object, ...] = ()
    kwargs: dict[str, object] = field(default_factory=dict)

    @property
    def value(self) -> object:
        """The first positional result, None where there is none."""
        return self.args[0] if self.args else None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call or an event that reached us."""

    uri: str
    args: tuple[object, ...]
    kwargs: dict[str, object]
    caller: str = ""
    session: int = 0

    @property
    def first(self) -> dict[str, object]:
        """The dict that most calls carry as their only argument; empty where they do not."""
        found = self.args[0] if self.args else None
        return found if isinstance(found, dict) else {}


Handler = Callable[[Incoming], Awaitable[Result]]
Listener = Callable[[Incoming], None]


class Session:
    """A joined session. It ends when the router ends it, or on `leave`."""

    def __init__(self, inner: "_Inner") -> None:
        self._inner = inner

    @property
    def id(self) -> int:
        """The session id that the router gave."""
        return int(self._inner._session_id or 0)  # noqa: SLF001 - autobahn offers no other way

    @property
    def joined(self) -> bool:
        """Whether it still holds."""
        return not self._inner.over.is_set()

    async def lost(self) -> None:
        """Wait until it is over, whoever ended it."""
        await self._inner.over.wait()

    async def call(
        self, uri: str, *args: object, within: float = CALL_S, **kwargs: object
    ) -> Result:
        """Call a procedure.

        Raises:
            CallError: The callee or the router answered with an error.
            TimeoutError: No answer within that many seconds.
        """
        return await self.ask(uri, args, kwargs, within)

    async def ask(
        self, uri: str, args: Sequence[object], kwargs: Mapping[str, object], within: float
    ) -> Result:
        """Call a procedure whose arguments are at hand as such; the errors are those of `call`."""
        async with asyncio.timeout(patient(within)):
            answer = await self._inner.call(uri, *args, options=_DETAILED, **kwargs)
        return Result(tuple(answer.results or ()), dict(answer.kwresults or {}))

    async def publish(self, topic: str, *args: object, **kwargs: object) -> None:
        """Publish, and wait until the router has it."""
        options = PublishOptions(acknowledge=True)
        await self._inner.publish(topic, *args, options=options, **kwargs)

    async def register(self, uri: str, handler: Handler, *, force: bool = False) -> None:
        """Answer calls of `uri`."""

        async def answer(*args: object, details: CallDetails, **kwargs: object) -> CallResult:
            result = await handler(
                Incoming(uri, args, kwargs, str(details.caller_authid or ""), details.caller or 0)
            )
            return CallResult(*result.args, **result.kwargs)

        options = RegisterOptions(details_arg="details", force_reregister=force or None)
        await self._inner.register(answer, uri, options=options)

    async def subscribe(
        self, topic: str, listener: Listener, *, match: str = "exact"
    ) -> Callable[[], Awaitable[None]]:
        """Hear events on `topic`; what comes back ends it."""

        def hear(*args: object, details: EventDetails, **kwargs: object) -> None:
            uri = str(details.topic or topic)
            listener(Incoming(uri, args, kwargs, str(details.publisher_authid or "")))

        options = SubscribeOptions(match=match, details_arg="details")
        subscription = await self._inner.subscribe(hear, topic, options=options)

        async def end() -> None:
            with contextlib.suppress(TransportLost):
                await subscription.unsubscribe()

        return end

    async def leave(self) -> None:
        """Say goodbye and close; bounded, and fine when it is over already."""
        if self._inner.is_attached():
            with contextlib.suppress(TimeoutError, TransportLost):
                async with asyncio.timeout(2):
                    await self._inner.leave()
        await self._inner.drop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._inner.over.wait()


_DETAILED: Final = CallOptions(details=True)


class _Inner(ApplicationSession):
    """Autobahn's session, with futures in place of callbacks."""

    def __init__(self, authid: str, secret: str) -> None:
        super().__init__()
        self._who = (authid, secret)
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()
        self.pipe: asyncio.Transport | None = None

    def onConnect(self) -> None:  # noqa: N802
        self.join(REALM, ["wampcra"], self._who[0])

    def onChallenge(self, challenge: object) -> str:  # noqa: N802
        extra: dict[str, object] = challenge.extra  # type: ignore[attr-defined]
        key = self._who[1].encode()
        if extra.get("salt"):
            key = auth.derive_key(key, extra["salt"], extra["iterations"], extra["keylen"])
        text = str(extra["challenge"])
        signature: bytes = auth.compute_wcs(key, text.encode())
        return signature.decode("ascii")

    def onJoin(self, details: object) -> None:  # noqa: ARG002, N802
        if not self.entered.done():
            self.entered.set_result(None)

    def onLeave(self, details: object) -> None:  # noqa: N802
        reason, message = getattr(details, "reason", ""), getattr(details, "message", "")
        self.give_up(f"{reason}: {message}")
        self.disconnect()

    def onDisconnect(self) -> None:  # noqa: N802
        self.give_up("the connection was closed")
        self.over.set()

    def onUserError(self, fail: object, msg: str) -> None:  # noqa: N802
        """Errors of our own handlers go back to the caller; nothing is printed."""

    async def drop(self) -> None:
        """Cut the connection if it is still there; its socket is closed when this returns."""
        if self.pipe is not None:
            self.pipe.abort()
            self.pipe = None
            await asyncio.sleep(0)  # the loop closes the socket in its next round
            await asyncio.sleep(0)

    def give_up(self, text: str) -> None:
        """Whoever waits for us to join waits in vain; without effect once we did."""
        if not self.entered.done():
            self.entered.set_exception(NotJoined(text))


async def join(url: str, authid: str, secret: str) -> Session:
    """Join realm `realm1` with WAMP-CRA, salted or not.

    Raises:
        NotJoined: There is no router, or it refused; the text holds its reason and message.
    """
    loop = asyncio.get_running_loop()
    txaio.use_asyncio()
    # The loop is what txaio makes futures with; each test has a loop of its own.
    vars(txaio)["config"].loop = loop
    inner = _Inner(authid, secret)
    factory = WampWebSocketClientFactory(
        lambda: inner, url=url, serializers=[JsonSerializer()], loop=loop
    )
    factory.setProtocolOptions(autoPingInterval=0, openHandshakeTimeout=5, closeHandshakeTimeout=1)
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(JOIN_S):
            pipe, protocol = await loop.create_connection(
                factory, parts.hostname or "", parts.port or 0
            )
            inner.pipe = pipe
            closed = asyncio.ensure_future(_closed(protocol))
            await asyncio.wait({inner.entered, closed}, return_when=asyncio.FIRST_COMPLETED)
            closed.cancel()
            inner.give_up("the router closed the connection before anybody joined")
            await inner.entered
    except (OSError, TimeoutError) as error:
        await inner.drop()
        raise NotJoined(f"no router at {url}: {error}") from error
    except BaseException:
        await inner.drop()
        raise
    return Session(inner)


@asynccontextmanager
async def session(url: str, authid: str, secret: str) -> AsyncIterator[Session]:
    """A session for the length of a `with` block."""
    joined = await join(url, authid, secret)
    try:
        yield joined
    finally:
        await joined.leave()


async def _closed(protocol: object) -> None:
    await asyncio.shield(protocol.is_closed)  # type: ignore[attr-defined]


class Events:
    """What was heard so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.heard: list[Incoming] = []
        self._more = asyncio.Event()

    def add(self, event: Incoming) -> None:
        """A listener: one more event."""
        self.heard.append(event)
        self._more.set()

    async def until(
        self, enough: Callable[[Sequence[Incoming]], bool], within: float = 10.0
    ) -> list[Incoming]:
        """Wait until what was heard is `enough`, and return it.

        Raises:
            TimeoutError: It never was, with what was heard.
        """
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while not enough(self.heard):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError as error:
            last = [event.args for event in self.heard[-20:]]
            raise TimeoutError(f"not in {within:g} s; the last events: {last}") from error
        return list(self.heard)
