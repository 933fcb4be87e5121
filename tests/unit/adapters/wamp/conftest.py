from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from reagent.adapters.wamp.line import Patience
from reagent.adapters.wamp.session import RouterSession
from reagent.errors import NotConnected
from reagent.model.device import Identity
from tests.fakes.clock import settle

ME = Identity(
    serial_number="SN-TEST-0001", swarm_key=17, device_key=4021, secret="demo-device-secret"
)
PATIENCE = Patience(response=0.2)


class Router:
    """The other end of a line, message by message."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.session = RouterSession(patience)
        self.session.attach(self)
        self.sent: list[list[object]] = []
        self.pings: list[bytes] = []
        self.closed = False
        self.aborted = False
        self.open = True
        self.room = asyncio.Event()
        self.room.set()

    # The line.

    def send(self, payload: bytes) -> None:
        if not self.open:
            raise NotConnected
        self.sent.append(json.loads(payload))

    async def drained(self) -> None:
        await self.room.wait()

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    async def close(self) -> None:
        self.closed = True
        self.lose(1000)

    def abort(self) -> None:
        self.aborted = True
        self.lose(1006)

    # What a test does.

    def says(self, *messages: list[object]) -> None:
        """These arrive, all in one packet."""
        for message in messages:
            self.session.received(json.dumps(message).encode())

    def lose(self, code: int | None = 1006) -> None:
        """The connection is gone."""
        if self.open:
            self.open = False
            self.session.lost(code, "gone")

    @property
    def last(self) -> list[object]:
        """The newest message from the device."""
        return self.sent[-1]

    async def welcome(self) -> None:
        """Let the device in."""
        joining = asyncio.create_task(self.session.join(ME))
        await settle()
        self.says([2, 7_000_000_001, {"roles": {"broker": {}, "dealer": {}}}])
        await joining
        self.sent.clear()


@pytest.fixture
async def stranger() -> Router:
    """A router that did not let us in yet."""
    return Router()


@pytest.fixture
async def router(stranger: Router) -> AsyncIterator[Router]:
    """A router with our session."""
    await stranger.welcome()
    yield stranger
    stranger.session.abort()
    await settle()
