"""The two worlds in which sessions are judged: in memory, and with a real Crossbar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

import pytest

from reagent.adapters.wamp.connect import WampDialer
from reagent.contracts.messenger import Session
from reagent.model.device import Identity
from sandbox.fixtures import unavailable
from sandbox.packages import PackagesMissing
from sandbox.paths import run_folder
from sandbox.processes import SandboxError
from sandbox.router import Router
from tests.fakes.dialer import FakeDialer


def identity(
    device_key: int = 1, *, url: str = "ws://127.0.0.1:1/ws", secret: str = ""
) -> Identity:
    """A device of project 1; its secret is made from its key."""
    return Identity(
        serial_number=f"serial-{device_key}",
        swarm_key=1,
        device_key=device_key,
        secret=secret or f"secret of {device_key}",
        device_endpoint_url=url,
    )


class World(Protocol):
    """A router that lets devices in."""

    async def join(self, device_key: int = 1) -> Session:
        """A session as device `1-<device_key>`."""
        ...

    async def close(self) -> None:
        """End what was joined."""
        ...


class Memory:
    """Fakes all the way."""

    def __init__(self) -> None:
        self._dialer = FakeDialer()

    async def join(self, device_key: int = 1) -> Session:
        return await self._dialer.dial(identity(device_key))

    async def close(self) -> None:
        for session in self._dialer.sessions:
            session.abort()


class Real:
    """A Crossbar that others use too: names of procedures differ from test to test."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._dialer = WampDialer(connection_timeout_ms=5000)
        self._sessions: list[Session] = []

    async def join(self, device_key: int = 1) -> Session:
        who = identity(device_key, url=self._router.url)
        self._router.admit(who.authid, who.secret)
        session = await self._dialer.dial(who)
        self._sessions.append(session)
        return session

    async def close(self) -> None:
        for session in self._sessions:
            await session.leave(2)


@pytest.fixture(scope="session")
def crossbar() -> Iterator[Router]:
    """One Crossbar for all that is judged here."""
    with run_folder() as folder, closing(Router(folder)) as router:
        try:
            router.start()
        except (SandboxError, PackagesMissing) as error:
            unavailable(str(error))
        yield router


async def until(condition: Callable[[], bool], within: float = 5.0) -> None:
    """Wait for what has to become true; fails when it does not."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)
