"""Sessions with a router in memory, and a dialer that succeeds and fails as it is told."""

from __future__ import annotations

import asyncio

from reagent.errors import AuthenticationRefused, DialFailed
from reagent.model.device import Identity
from tests.fakes.messenger import FakeMessenger, FakeRouter


class FakeSession(FakeMessenger):
    """Implements `contracts.messenger.Session`."""

    def __init__(self, router: FakeRouter, caller: object = "1-1") -> None:
        super().__init__(router, caller)
        self.left = False
        self.aborted = False
        self._stalled = False
        self._end: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def drop(self) -> None:
        """The connection breaks."""
        self._finish(shutdown=False)

    def goodbye_shutdown(self) -> None:
        """The router says that it shuts down."""
        self._finish(shutdown=True)

    def stall(self) -> None:
        """The peer says nothing any more; to us the session looks alive."""
        self._stalled = True

    async def ended(self) -> bool:
        return await asyncio.shield(self._end)

    async def leave(self, within: float) -> None:
        if self._end.done():
            return
        self.left = True
        if self._stalled:
            await asyncio.sleep(within)
        self._finish(shutdown=False)

    def abort(self) -> None:
        self.aborted = True
        self._finish(shutdown=False)

    def _finish(self, *, shutdown: bool) -> None:
        if not self._end.done():
            self.go_down()
            self._end.set_result(shutdown)


class FakeDialer:
    """Implements `contracts.messenger.Dialer`."""

    def __init__(self, router: FakeRouter | None = None) -> None:
        self.router = router or FakeRouter()
        self.router.answer("wamp.session.add_testament")
        self.dialled: list[Identity] = []
        self.sessions: list[FakeSession] = []
        self._refusals = 0
        self._hanging = False
        self._bad_secret = False
        self._fault: Exception | None = None
        self._joined = asyncio.Condition()

    def refuse(self, times: int) -> None:
        """The next dials fail."""
        self._refusals = times

    def break_once(self, fault: Exception) -> None:
        """The next dial ends as nobody thought of."""
        self._fault = fault

    def hang(self) -> None:
        """From now on dials neither succeed nor fail."""
        self._hanging = True

    def answer(self) -> None:
        """Dials succeed again."""
        self._hanging = False
        self._refusals = 0

    def refuse_secret(self) -> None:
        """The router does not accept the secret."""
        self._bad_secret = True

    def hold_serial(self, serial: str) -> FakeSession:
        """Another agent holds a serial number, from before we came."""
        rival = FakeSession(self.router, caller="9-9")
        uri = f"re.mgmt.{serial}.wamp_connection_established"
        self.router.claim(rival, uri)
        return rival

    @property
    def session(self) -> FakeSession:
        """The newest session."""
        return self.sessions[-1]

    async def dial(self, identity: Identity) -> FakeSession:
        self.dialled.append(identity)
        while self._hanging:
            await asyncio.Event().wait()
        if self._bad_secret:
            raise AuthenticationRefused("WAMP-CRA client signature is invalid")
        if (fault := self._fault) is not None:
            self._fault = None
            raise fault
        if self._refusals > 0:
            self._refusals -= 1
            raise DialFailed("connection refused")
        session = FakeSession(self.router, caller=identity.authid)
        self.sessions.append(session)
        return session
