"""Everything outside the agent, as the agent asks for it, and the real one of it.

`agent` makes an agent from any world. Here adapters are chosen, and nothing is decided.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reagent.adapters.clock import SystemClock
from reagent.adapters.docker.engine import DockerEngine
from reagent.adapters.sqlite.store import open_store
from reagent.adapters.wamp.connect import WampDialer
from reagent.connection.offline import NoRouter
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine
from reagent.contracts.host import Host
from reagent.contracts.memory import Memory
from reagent.contracts.messenger import Dialer
from reagent.contracts.store import Store
from reagent.model.device import Identity
from reagent.settings import stamp
from reagent.settings.flags import Flags
from reagent.settings.paths import Paths
from reagent.updates.lookout import Lookout, Outside
from reagent.updates.seat import Seat

if sys.platform == "win32":
    from reagent.adapters.windows.host import WindowsHost as SystemHost
    from reagent.adapters.windows.memory import ProcessMemory
else:
    from reagent.adapters.posix.host import PosixHost as SystemHost
    from reagent.adapters.posix.memory import ProcessMemory

if TYPE_CHECKING:  # a start imports none of them
    from reagent.contracts.deltas import Deltas
    from reagent.contracts.downloads import Brought, Downloads
    from reagent.contracts.processes import Processes
    from reagent.contracts.trust import Attested


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside the agent."""

    engine: Engine
    store: Store
    host: Host
    clock: Clock
    dialer: Dialer
    memory: Memory
    outside: Outside


@asynccontextmanager
async def open_world(flags: Flags, paths: Paths) -> AsyncIterator[World]:
    """The real one; closed in reverse order."""
    clock = SystemClock()
    dialer: Dialer = (
        NoRouter()
        if flags.offline
        else WampDialer(
            connection_timeout_ms=flags.conn_timeout_ms,
            response_timeout_ms=flags.resp_timeout_ms,
            ping_interval_ms=flags.pp_timeout_ms,
        )
    )
    engine = DockerEngine()
    try:
        async with open_store(paths.database, clock) as store:
            yield World(
                engine=engine,
                store=store,
                host=SystemHost(),
                clock=clock,
                dialer=dialer,
                memory=ProcessMemory(),
                outside=_outside(),
            )
    finally:
        await engine.close()


def _outside() -> Outside:
    return Outside(
        downloads=_downloads,
        brought=_brought,
        processes=_processes,
        deltas=_deltas,
        root=_root,
        attested=_attested,
        synchronised=_synchronised,
    )


def _downloads() -> Downloads:
    from reagent.adapters.http.downloads import HttpDownloads  # noqa: PLC0415 - after the start

    # What is signed needs no certificate to be believed, and a clock that is not set refuses all.
    return HttpDownloads(any_certificate=_root() is not None)


def _deltas() -> Deltas:
    from reagent.adapters.deltas import ZstdDeltas  # noqa: PLC0415 - after the start

    return ZstdDeltas()


def _root() -> bytes | None:
    from reagent.updates.trust import roots  # noqa: PLC0415 - after the start

    return roots.baked()


def _attested(root: bytes, folder: str) -> Attested:
    from reagent.adapters.tuf import client  # noqa: PLC0415 - megabytes, after the start

    return client.NgClient(root, (*client.IN_MEMORY, folder))


def _synchronised() -> bool:
    if sys.platform == "win32":
        return False  # nobody tells who set it
    from reagent.adapters.posix.clockset import clock_is_set  # noqa: PLC0415 - after the start

    return clock_is_set()


def _brought() -> Brought:
    from reagent.adapters.localfile import LocalFiles  # noqa: PLC0415 - rare

    return LocalFiles()


def _processes() -> Processes:
    if sys.platform == "win32":
        from reagent.adapters.windows.processes import WindowsProcesses  # noqa: PLC0415

        return WindowsProcesses()
    from reagent.adapters.posix.processes import PosixProcesses  # noqa: PLC0415 - after the start

    return PosixProcesses()


class _NextStart:
    """Implements `updates.checks.HandOver` where nobody runs who could hand over."""

    def request(self, within: float, *, after: float = 0.0) -> None:
        """See the protocol: the next start does it."""

    def hold(self) -> Callable[[], None]:
        """See the protocol: there is nothing to hold."""
        return lambda: None


def looks_by_hand(seat: Seat) -> Lookout:
    """What gets versions where no agent runs: files that somebody brings, and no bucket."""
    return Lookout(
        seat,
        _outside(),
        SystemClock(),
        lambda: Identity(serial_number=""),
        hand_over=_NextStart,
        read=lambda: None,
        settled=lambda: True,
        remote="",
        automatic=False,
        version=stamp.VERSION,
        arch=stamp.ARCH,
        control=own_version_command(),
    )


def own_version_command() -> tuple[str, ...]:
    """Has this very file say its version; empty where an interpreter runs it."""
    own = "/proc/self/exe" if sys.platform == "linux" else sys.executable
    return () if stamp.FREEZER == "source" else (own, "-version")
