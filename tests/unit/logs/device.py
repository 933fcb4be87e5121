"""A device with an engine, a database and a router with listeners, for the tests of live logs."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from reagent.contracts.store import Store
from reagent.errors import RecordNotFound
from reagent.logs import AppLogs
from reagent.model.app import App, AppKey, State
from tests.fakes.backend import FakeBackend
from tests.fakes.engine import FakeEngine
from tests.fakes.messenger import FakeMessenger, Published

SERIAL = "SN-1"
APP = "prod_77_vision"
OTHER = "dev_78_other"


def topic(container: str) -> str:
    return f"reswarm.logs.{SERIAL}.{container}"


class SwiftClock:
    """Time that passes as fast as somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return 1785834900.0 + self.time

    def rfc3339(self) -> str:
        return "2026-08-04T09:15:00Z"

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)

    def random(self) -> float:
        return 0.5


class Audience(FakeBackend):
    """Who listens: to one log, or as a bridge to the logs of all devices."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.asked_for: list[str] = []
        self._link = link
        self._exact: dict[str, int] = {}
        self._bridge = 0
        self._last = 554

    async def opens(self, container: str) -> None:
        """Somebody opens the log of a container."""
        self._exact[topic(container)] = number = self._number()
        details = {"id": number, "uri": topic(container), "match": "exact"}
        await self._link.router.emit("wamp.subscription.on_create", 7000000009, details)

    async def closes(self, container: str) -> None:
        """The last one who looked at it closes it."""
        number = self._exact.pop(topic(container))
        await self._link.router.emit("wamp.subscription.on_delete", 7000000009, number)

    def bridge(self) -> None:
        """Somebody takes all logs."""
        self._bridge = self._number()

    def move(self) -> None:
        """The router was restarted: everybody listens as before, under a new number."""
        self._exact = {uri: self._number() for uri in self._exact}

    async def log_listener(self, topic: str) -> str:
        self.asked_for.append(topic)
        self._link.require()
        await super().log_listener(topic)
        number = self._exact.get(topic) or self._bridge
        await asyncio.sleep(0)
        return str(number) if number else ""

    def _number(self) -> int:
        self._last += 1
        return self._last


class Link(FakeMessenger):
    """A messenger whose publications can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.pulse = asyncio.Event()

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        await asyncio.sleep(0)
        await super().publish(topic, *args, acknowledge=acknowledge)
        self.pulse.set()
        self.pulse = asyncio.Event()

    def require(self) -> None:
        """Raise `NotConnected` while there is no session."""
        self._require()


class Device:
    """Everything together."""

    def __init__(self, store: Store, engine: FakeEngine | None = None) -> None:
        self.link = Link()
        self.audience = Audience(self.link)
        self.clock = SwiftClock()
        self.engine = engine or FakeEngine(self.clock.now)
        self.store = store
        self.logs = AppLogs(
            self.link, self.audience, self.engine, store, self.clock, lambda: SERIAL
        )

    # --- what happens to it ---

    async def remember(self, *lines: str) -> None:
        """The app is known, and has a stored history."""
        app = App(
            app_key=77,
            app_name="vision",
            stage="PROD",
            state=State.RUNNING,
            target=State.RUNNING,
        )
        await self.store.save_app(app)
        if lines:
            await self.store.save_log_history(AppKey(77, "PROD"), "vision", lines)

    async def reconnect(self, *apps: str) -> None:
        """A new session, and what the agent does on it."""
        self.link.come_up()
        await self.logs.revive(apps)
        await self.logs.subscribe_meta()

    async def settled(self) -> None:
        """Everything that can happen without time has happened."""
        for _ in range(200):
            await asyncio.sleep(0)

    # --- what came of it ---

    @property
    def sent(self) -> list[Published]:
        """Everything that went out."""
        return self.link.publications

    def messages(self, container: str = APP) -> list[object]:
        """What went out about a container, in order."""
        return [message for [message] in self.link.published(topic(container))]

    def lines(self, container: str = APP) -> list[str]:
        """The same, streams split into lines, and notices by their text."""
        lines: list[str] = []
        for message in self.messages(container):
            if isinstance(message, dict):
                lines.append(f"<{message['chunk']}>")
            else:
                lines += str(message).split("\n")
        return lines

    async def until(self, line: str, container: str = APP) -> None:
        """Wait until a line went out."""
        while line not in self.lines(container):
            await self.link.pulse.wait()

    async def stored(self, stage: str = "PROD") -> list[str]:
        """The history in the database."""
        return list(await self.store.log_history(AppKey(77, stage)))

    async def has_stored(self, stage: str = "PROD") -> None:
        """Wait until there is a history in the database, which has a thread of its own."""
        while True:
            with suppress(RecordNotFound):
                if await self.stored(stage):
                    return
            await asyncio.sleep(0.005)

    def readers(self, container: str = APP) -> int:
        """How often the log of a container was asked for."""
        return self.engine.asked.count(f"logs {container}")
