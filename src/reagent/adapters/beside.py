"""A program that runs beside us, for as long as it likes, with little of its output in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from reagent.adapters.docker.lines import Splitter, decoded
from reagent.contracts.processes import Outcome
from reagent.errors import Failed

# Read ahead of whoever reads; then the pipe fills, and the program waits.
_AHEAD: Final = 64 * 1024
_STDERR: Final = 4096
# Between the request to end and the end, and again until the system is done with it.
_GRACE_S: Final = 0.5


class Group(Protocol):
    """A program and everything that it begins, as the system keeps them together."""

    @property
    def options(self) -> Mapping[str, Any]:
        """How `subprocess` is to begin the program."""
        ...

    def hold(self, leader: int) -> None:
        """The program runs, under this process id."""
        ...

    def end(self, *, force: bool) -> None:
        """Ask all of it to end, or end it; over already is fine."""
        ...


class Beside(asyncio.SubprocessProtocol):
    """Implements `contracts.processes.Program`."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._transport: asyncio.SubprocessTransport | None = None
        self._blocks: list[bytes] = []
        self._held = 0
        self._stderr = bytearray()
        self._paused = False
        self._silent = False
        self._unheard = False
        self._status = -1
        self._change = asyncio.Event()
        self._over = asyncio.Event()
        self.pid = 0

    # --- the contract

    async def lines(self, limit: int) -> AsyncIterator[list[str]]:
        """See the contract."""
        splitter = Splitter(limit)
        while data := await self._read():
            if lines := splitter.feed(data):
                yield lines
        if last := splitter.finish():
            yield last

    async def text(self, most: int) -> str:
        """See the contract."""
        kept = bytearray()
        size = 0
        while data := await self._read():
            size += len(data)
            if size <= most:
                kept += data
            else:
                kept.clear()
        if size > most:
            raise Failed(f"its output is {size} bytes, and {most} are the most")
        return decoded(kept)

    async def ended(self) -> Outcome:
        """See the contract."""
        await self._over.wait()
        return Outcome(self._status, "", decoded(self._stderr))

    async def end(self) -> None:
        """See the contract."""
        if self._transport is None:
            return
        self._unheard = True
        self._forget()
        for force in (False, True):
            if self._over.is_set():
                break
            self._group.end(force=force)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    await self._over.wait()
        self._transport.close()

    # --- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        if isinstance(transport, asyncio.SubprocessTransport):
            self._transport = transport
            self.pid = transport.get_pid()
            self._group.hold(self.pid)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """It said something."""
        if fd == 1 and not self._unheard:
            self._blocks.append(data)
            self._held += len(data)
            if self._held > _AHEAD:
                self._hold(back=True)
            self._change.set()
        elif fd == 2:
            self._stderr += data
            del self._stderr[:-_STDERR]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """One of its outputs is at its end."""
        del exc
        if fd == 1:
            self._silent = True
            self._change.set()

    def process_exited(self) -> None:
        """It ended, and was waited for: no zombie stays."""
        status = None if self._transport is None else self._transport.get_returncode()
        self._status = -1 if status is None else status

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended and its outputs did."""
        del exc
        self._silent = True
        self._change.set()
        self._over.set()

    # --- inside

    async def _read(self) -> bytes:
        """What it said since, empty at the end."""
        while not self._blocks and not self._silent:
            self._change.clear()
            await self._change.wait()
        return self._forget()

    def _forget(self) -> bytes:
        data = b"".join(self._blocks)
        self._blocks.clear()
        self._held = 0
        self._hold(back=False)
        return data

    def _hold(self, *, back: bool) -> None:
        pipe = None if self._transport is None else self._transport.get_pipe_transport(1)
        if back == self._paused or not isinstance(pipe, asyncio.ReadTransport):
            return
        self._paused = back
        if back:
            pipe.pause_reading()
        else:
            pipe.resume_reading()
