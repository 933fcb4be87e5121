"""The platform's side of the wire: every procedure that devices call (docs/contract/wamp.md 3).

It lives in the event loop of whoever made it, so that a test sees each call when it happens,
decides what goes wrong, and waits for what must come. What it knows is in SQLite (`database`), what
it answers in `answers`.
"""

# mypy: allow-untyped-calls
# autobahn's exceptions are not annotated

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from autobahn.wamp.exception import ApplicationError

from sandbox.answers import Answers
from sandbox.database import Database, Identity, Record
from sandbox.faults import FOR_EVER, Fault, Faults
from sandbox.router import BACKEND, Router
from sandbox.under_test import patient
from sandbox.wamp import CallError, Incoming, NotJoined, Result, Session, join

TESTAMENT: Final = "reswarm.api.testament_device"
REJOIN_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reached the backend: when (Unix seconds), by whom, with what."""

    at: float
    procedure: str
    caller: str
    args: tuple[object, ...]
    kwargs: Mapping[str, object]

    @property
    def first(self) -> Mapping[str, object]:
        """The dict that most calls carry as their only argument; empty where they do not."""
        found = self.args[0] if self.args else None
        return found if isinstance(found, dict) else {}


class Backend:
    """Joined as long as it is entered; joins again by itself when the router was restarted.

    `admit` is told each registry login that is handed out (token and the device's secret).
    """

    def __init__(
        self,
        router: Router,
        file: Path,
        *,
        admit: Callable[[str, str], None] = lambda _token, _secret: None,
        base_url: str = "https://studio.example.org",
    ) -> None:
        self.database = Database(file)
        self.calls: list[Call] = []
        self._router = router
        self._answers = Answers(self.database, admit, base_url)
        self._faults = Faults()
        self._news = asyncio.Event()
        self._online = asyncio.Event()
        self._session: Session | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.database.grant(501)

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._stay_joined(), name="sandbox backend")
        await self.online()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self.database.close()

    # --- what goes wrong

    def fail(
        self,
        procedure: str,
        text: str = "the backend is out of order",
        *,
        times: int = 1,
        error: str = "wamp.error.runtime_error",
        when: Callable[[Incoming], bool] = lambda _: True,
    ) -> None:
        """Answer the next calls with an error; `times` below zero means until `heal`."""
        self._faults.plan(procedure, Fault(times, error=ApplicationError(error, text), when=when))

    def answer(self, procedure: str, *args: object, times: int = FOR_EVER) -> None:
        """Answer with these positional results instead (none at all where none is given)."""
        self._faults.plan(procedure, Fault(times, answer=Result(args)))

    def slow(self, procedure: str, seconds: float, *, times: int = FOR_EVER) -> None:
        """Take this long for the next calls, and answer as usual."""
        self._faults.plan(procedure, Fault(times, seconds=seconds))

    def hang(self, procedure: str, *, times: int = FOR_EVER) -> None:
        """Do not answer the next calls at all."""
        self.slow(procedure, 86_400, times=times)

    def heal(self, procedure: str | None = None) -> None:
        """Let everything work again, or one procedure. Calls that wait go on waiting."""
        self._faults.heal(procedure)

    async def leave(self) -> None:
        """Be gone, as when the backend is redeployed; `rejoin` brings it back."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    async def rejoin(self) -> None:
        """Come back after `leave`."""
        self._keeper = asyncio.create_task(self._stay_joined(), name="sandbox backend")
        await self.online()

    async def cut(self, authid: str) -> int:
        """Let the router end every session of `authid`; returns how many there were."""
        if self._session is None:
            raise NotJoined("the backend itself is not joined")
        ended = await self._session.call("wamp.session.kill_by_authid", authid)
        found = ended.value
        return len(found) if isinstance(found, list) else 0

    # --- what came

    async def online(self, within: float = 30.0) -> None:
        """Wait until the procedures are registered, after a restart of the router for instance."""
        async with asyncio.timeout(within):
            await self._online.wait()

    def seen(
        self, procedure: str, where: Callable[[Call], bool] = lambda _: True, since: int = 0
    ) -> list[Call]:
        """The calls of a procedure that arrived, from number `since` of `calls` on."""
        return [c for c in self.calls[since:] if c.procedure == procedure and where(c)]

    async def called(
        self,
        procedure: str,
        where: Callable[[Call], bool] = lambda _: True,
        *,
        times: int = 1,
        since: int = 0,
        within: float = 10.0,
    ) -> list[Call]:
        """Wait until a procedure was called so often, and return those calls.

        `since` is the length of `calls` at the moment from which they count.

        Raises:
            TimeoutError: It was not, with the calls that did arrive.
        """
        await self.until(lambda: len(self.seen(procedure, where, since)) >= times, within)
        return self.seen(procedure, where, since)

    async def status(
        self, device: Identity, word: str, *, since: int = 0, within: float = 20.0
    ) -> Record:
        """Wait until a device reported this status (DISCONNECTED: its testament), and return it.

        `since` is how many statuses to leave out (`len(backend.statuses(device))` before).
        """
        await self.until(lambda: word in self.statuses(device)[since:], within)
        found = self.database.statuses(device.device_key)[since:]
        return next(record for record in found if record.word == word)

    async def state(
        self,
        device: Identity,
        app_key: int,
        state: str,
        *,
        stage: str = "PROD",
        since: int = 0,
        within: float = 30.0,
    ) -> list[str]:
        """Wait until an app was reported in this state; returns all states up to it, in order."""
        await self.until(lambda: state in self.states(device, app_key, stage)[since:], within)
        found = self.states(device, app_key, stage)[since:]
        return found[: found.index(state) + 1]

    def statuses(self, device: Identity) -> list[str]:
        """The words a device reported so far, DISCONNECTED for testaments."""
        return [record.word for record in self.database.statuses(device.device_key)]

    def states(self, device: Identity, app_key: int, stage: str = "PROD") -> list[str]:
        """The states reported for an app so far."""
        return [r.word for r in self.database.app_reports(device.device_key, app_key, stage)]

    async def until(self, holds: Callable[[], bool], within: float) -> None:
        """Wait for a condition, looked at whenever a call or a testament arrived.

        Raises:
            TimeoutError: It never held, with the calls that arrived last.
        """
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while not holds():
                    await self._news.wait()
        except TimeoutError as error:
            last = [(c.procedure.rpartition(".")[2], *c.args) for c in self.calls[-15:]]
            raise TimeoutError(f"not in {within:g} s; the last calls: {last}") from error

    # --- the session

    async def _stay_joined(self) -> None:
        while True:
            with contextlib.suppress(NotJoined, CallError, ConnectionError):
                await self._serve_once()
            await asyncio.sleep(REJOIN_S)

    async def _serve_once(self) -> None:
        secret = self._router.secrets[BACKEND]
        session = self._session = await join(self._router.url, BACKEND, secret)
        try:
            await session.subscribe(TESTAMENT, self._testament)
            for procedure in self._answers.table:
                # An earlier self may still be there for a moment, where the router was frozen.
                await session.register(procedure, self._handle, force=True)
            self._online.set()
            await session.lost()
        finally:
            self._online.clear()
            self._session = None
            await session.leave()

    async def _handle(self, call: Incoming) -> Result:
        now = time.time()
        self.calls.append(Call(now, call.uri, call.caller, call.args, call.kwargs))
        self.database.record_call(now, call.uri, call.caller, call.args, call.kwargs)
        self._tell()
        planned = await self._faults.suffer(call)
        if planned is not None:
            return planned
        result = self._answers.table[call.uri](call)
        self._tell()
        return result

    def _testament(self, event: Incoming) -> None:
        self._answers.testament(event)
        self._tell()

    def _tell(self) -> None:
        """Wake everybody who waits; whoever waits from now on waits for the next time."""
        news, self._news = self._news, asyncio.Event()
        news.set()
