from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from reagent.connection.link import Link
from reagent.errors import CallFailed
from reagent.model.device import Identity
from tests.fakes.clock import FakeClock, settle
from tests.fakes.dialer import FakeDialer

SERIAL = "test-serial-001"
STATUS = "reswarm.devices.update_device_status"


class Device:
    """A link, what it is made of, and what happened to it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.dialer = FakeDialer()
        self.identity = Identity(
            serial_number=SERIAL,
            swarm_key=1,
            device_key=1,
            secret="secret",
            device_endpoint_url="wss://router.example/ws",
        )
        self.link = Link(self.dialer, lambda: self.identity, self.clock)
        self.flags: list[bool] = []
        self.beats = 0
        self.beat_fails = False
        self.link.when_connected(self._sequence)
        self.link.beats_with(self._beat)
        self.running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.running = asyncio.create_task(self.link.run())
        await settle()

    def move_to_project(self, swarm_key: int) -> None:
        self.identity = replace(self.identity, swarm_key=swarm_key)

    async def outcome(self) -> BaseException | None:
        if self.running is None:
            return None
        await asyncio.wait({self.running}, timeout=10)
        return self.running.exception() if self.running.done() else None

    async def _sequence(self, reconnect: bool) -> None:  # noqa: FBT001 - the callback of the link
        self.flags.append(reconnect)

    async def _beat(self) -> None:
        self.beats += 1
        if self.beat_fails:
            raise CallFailed("wamp.error.runtime_error: out of order")


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    device = Device()
    yield device
    await device.link.close()
    if device.running is not None:
        device.running.cancel()
        await asyncio.wait({device.running})
