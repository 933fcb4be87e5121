"""The messenger that outlives sessions: dial, hold, dial again (docs/contract/wamp.md 1.7-1.12)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from reagent import log
from reagent.aio.supervise import end
from reagent.connection.arrival import SerialRejected, arrive
from reagent.connection.heartbeat import Heartbeat
from reagent.connection.offline import Offline
from reagent.connection.redial import Redial
from reagent.contracts.clock import Clock
from reagent.contracts.messenger import Dialer, Handle, Handler, Listener, Messenger, Session
from reagent.errors import DialFailed, NotConnected, ReagentError, SerialTaken, Unwelcome
from reagent.model.call import Answer
from reagent.model.device import Identity

_log = log.get(__name__)

REJECTIONS = 8
REJECTED_PAUSE_S = 1.0
LEAVE_S = 1.0
CLOSE_S = 1.8
SEQUENCE_ENDS_S = 5.0


async def _nothing(*_: object) -> None:
    return


class Link:
    """Implements `contracts.messenger.Messenger`, and owns the session inside.

    Until the first session everything succeeds and nothing happens, so that apps start without a
    router; from then on, while there is no session, every method raises `NotConnected`.

    Args:
        dialer: makes sessions.
        identity: who we are now; asked before every dial, since the platform may move a device.
        clock: time and chance.
    """

    def __init__(self, dialer: Dialer, identity: Callable[[], Identity], clock: Clock) -> None:
        self._dialer = dialer
        self._identity = identity
        self._clock = clock
        self._redial = Redial()
        self._offline = Offline()
        self._session: Session | None = None
        self._connected_once = False
        self._on_connect: Callable[[bool], Awaitable[None]] = _nothing
        self._beat: Callable[[], Awaitable[None]] = _nothing
        self._new_session_wanted = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def when_connected(self, sequence: Callable[[bool], Awaitable[None]]) -> None:
        """Say what runs on every new session; the last one told wins.

        Args:
            sequence: gets False for the first session of the process, True for every later one. It
                is cancelled when its session ends; when it fails, that is logged and no more.
        """
        self._on_connect = sequence

    def beats_with(self, beat: Callable[[], Awaitable[None]]) -> None:
        """Say what the heartbeat does: the status call."""
        self._beat = beat

    async def run(self) -> None:
        """Dial, hold and dial again until `close`.

        Raises:
            Unwelcome: the router does not accept the secret, or the first testament, or eight times
                in a row the serial number.
        """
        if self._is_closing():
            return
        self._main = asyncio.get_running_loop().create_task(self._serve(), name="link")
        try:
            await self._main
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not self._is_closing() or (current is not None and current.cancelling()):
                raise

    async def close(self, within: float = CLOSE_S) -> None:
        """Leave with GOODBYE and dial no more; safe at any time, again, and concurrently.

        Args:
            within: seconds, for all of it. The first call's counts.
        """
        if self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.create_task(self._close(within), name="close the link")
        await asyncio.shield(self._closing)

    def request_reconnect(self) -> None:
        """End this session and dial at once, as whoever we are by then."""
        self._new_session_wanted.set()

    @property
    def connected(self) -> bool:
        """Whether there is a session that can be used."""
        return self._session is not None and self._session.connected

    @property
    def session_id(self) -> int:
        """The current session's number, 0 when there is none."""
        return self._session.session_id if self._session is not None else 0

    async def call(
        self,
        procedure: str,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """As in the contract."""
        return await self._current().call(procedure, *args, kwargs=kwargs, deadline=deadline)

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        """As in the contract."""
        await self._current().publish(topic, *args, acknowledge=acknowledge)

    async def register(self, procedure: str, handler: Handler, *, force: bool = True) -> Handle:
        """As in the contract; gone with the session."""
        return await self._current().register(procedure, handler, force=force)

    async def subscribe(self, topic: str, listener: Listener) -> Handle:
        """As in the contract; gone with the session."""
        return await self._current().subscribe(topic, listener)

    def _current(self) -> Messenger:
        if self._session is not None:
            return self._session
        if self._connected_once:
            raise NotConnected
        return self._offline

    async def _serve(self) -> None:
        while True:
            session = await self._dial()
            reconnect, self._connected_once = self._connected_once, True
            self._session = session
            since = self._clock.monotonic()
            shutdown = await self._hold(session, reconnect=reconnect)
            self._redial.ended(lived=self._clock.monotonic() - since, shutdown=shutdown)

    async def _dial(self) -> Session:
        """One dial cycle: until there is a session that holds our serial number."""
        rejections = 0
        while True:
            await self._pause()
            identity = self._identity()
            session = await self._dial_once(identity)
            if session is None:
                continue
            try:
                await arrive(session, identity, first=not self._connected_once)
            except SerialRejected:
                rejections += 1
                _log.warning("serial number taken", attempt=rejections)
                await session.leave(LEAVE_S)
                if rejections >= REJECTIONS:
                    raise _taken(identity) from None
                self._redial.at_once()
                await self._clock.sleep(REJECTED_PAUSE_S)
            except DialFailed as error:
                rejections = 0
                self._redial.failed()
                _log.warning("session of no use", error=error)
                await session.leave(LEAVE_S)
            except Unwelcome:
                await session.leave(LEAVE_S)
                raise
            except asyncio.CancelledError:
                await session.leave(LEAVE_S / 2)
                raise
            except BaseException:
                session.abort()
                raise
            else:
                _log.info("joined", session=session.session_id, authid=identity.authid)
                return session

    async def _dial_once(self, identity: Identity) -> Session | None:
        """A session, or None where that came to nothing."""
        try:
            return await self._dialer.dial(identity)
        except DialFailed as error:
            _log.warning("dial failed", error=error, endpoint=identity.device_endpoint_url)
        except ReagentError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours: apps run on, and the version
            # that mends it can be fetched, which no process that ends would do.
            _log.exception("dialling broke", error=error)
        self._redial.failed()
        return None

    async def _pause(self) -> None:
        seconds = self._redial.delay(self._clock.random())
        if seconds > 0:
            _log.info("dialling later", seconds=round(seconds, 1))
            await self._clock.sleep(seconds)

    async def _hold(self, session: Session, *, reconnect: bool) -> bool:
        """Until the session is over, by itself or by us; returns whether it was a shutdown."""
        self._new_session_wanted.clear()
        heartbeat = Heartbeat(self._clock, self._beat, lambda: self.connected)
        loop = asyncio.get_running_loop()
        ended = loop.create_task(session.ended(), name="session ended")
        ends: tuple[asyncio.Task[object], ...] = (
            ended,
            loop.create_task(heartbeat.watch(), name="heartbeat"),
            loop.create_task(self._new_session_wanted.wait(), name="reconnect"),
        )
        sequence = loop.create_task(self._sequence(reconnect=reconnect), name="on connect")
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            over = ended.done()
            if not over:
                _log.info("leaving the session for a new one", session=session.session_id)
        except asyncio.CancelledError:
            if not self._is_closing():
                session.abort()
            raise
        finally:
            closing = self._is_closing()
            if not closing:
                self._session = None
            await end((*ends, sequence), LEAVE_S / 2 if closing else SEQUENCE_ENDS_S)
        if over:
            return ended.result()
        await session.leave(LEAVE_S)
        return False

    async def _sequence(self, *, reconnect: bool) -> None:
        try:
            await self._on_connect(reconnect)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session stays
            _log.exception("what runs on connect failed", error=error, reconnect=reconnect)

    async def _close(self, within: float) -> None:
        session, main = self._session, self._main
        if main is not None:
            await end((main,), within / 2)
        if session is not None:
            await session.leave(within / 2)
        self._session = None

    def _is_closing(self) -> bool:
        return self._closing is not None


def _taken(identity: Identity) -> SerialTaken:
    return SerialTaken(
        f"another agent is connected with the serial number {identity.serial_number}"
    )
