"""The bare autobahn client as a process of its own, on the router that the agent uses."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.cloud import Cloud, enroll, new_identity
from sandbox.database import Identity
from sandbox.packages import SYSTEM_PATH
from sandbox.reaper import Reaper

SCRIPT: Final = Path(__file__).parent / "reference/client.py"
_UP_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Bare:
    """A client that runs."""

    identity: Identity
    procedure: str
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    async def registered(self) -> None:
        """Wait until it can be called."""
        if self.process.stdout is None:
            raise RuntimeError("its output was not asked for")
        async with asyncio.timeout(_UP_S):
            line = await self.process.stdout.readline()
        if line.strip() != b"registered":
            raise RuntimeError(f"the bare client said {line!r}")


def new_client(cloud: Cloud) -> Identity:
    """A login at the router for a client, like a device's."""
    identity = new_identity()
    enroll(identity, cloud.backend.database, cloud.router)
    return identity


@asynccontextmanager
async def bare(cloud: Cloud, identity: Identity) -> AsyncIterator[Bare]:
    """Start it, in the Python that runs the benchmarks; end it afterwards."""
    procedure = f"bench.echo.{secrets.token_hex(4)}"
    command = [sys.executable, str(SCRIPT), cloud.router.url, identity.authid, identity.secret]
    process = await asyncio.create_subprocess_exec(
        *command,
        procedure,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"},
    )
    Reaper.here().watch(process.pid)
    try:
        yield Bare(identity, procedure, process)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()
        Reaper.here().forget(process.pid)
