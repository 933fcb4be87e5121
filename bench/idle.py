"""What an idle agent holds and uses: 20 s after CONNECTED, and over a minute."""

import asyncio
from typing import Final

from bench.bare import bare, new_client
from bench.figures import Budget, Figure, Sample
from bench.processes import cpu, memory
from sandbox.cloud import Cloud
from sandbox.program import Program

AFTER_S: Final = 20.0
PSS: Final = Budget(28e6, "MB")
CPU: Final = Budget(0.05, "ms")
_BARE: Final = "a bare autobahn client, as old"


async def measure(cloud: Cloud, program: Program, minutes: float) -> list[Figure]:
    """Agent and bare client at the same time, so that both share what can be shared."""
    device = cloud.new_device(program)
    async with bare(cloud, new_client(cloud)) as client:
        await client.registered()
        await device.start()
        await cloud.backend.status(device.identity, "CONNECTED")
        await asyncio.sleep(AFTER_S)
        ours, theirs = memory(device.pid), memory(client.pid)
        before = cpu(device.pid), cpu(client.pid)
        await asyncio.sleep(60 * minutes)
        after = cpu(device.pid), cpu(client.pid)
        later = memory(device.pid)
        await device.stop()
    used = [(b - a) / minutes for a, b in zip(before, after, strict=True)]
    engine = "with an engine" if cloud.services.engine else "without an engine"
    return [
        Figure(
            f"idle PSS, {AFTER_S:.0f} s after CONNECTED",
            Sample.of([ours.pss], "MB"),
            _BARE,
            Sample.of([theirs.pss], "MB"),
            PSS,
            note=f"{engine}, no apps; {60 * minutes:.0f} s later {later.pss / 1e6:.1f} MB",
        ),
        Figure(
            "anonymous part of it",
            Sample.of([ours.anonymous], "MB"),
            _BARE,
            Sample.of([theirs.anonymous], "MB"),
        ),
        Figure(
            "idle CPU in a minute",
            Sample.of([used[0]], "ms"),
            f"{_BARE}, which says nothing in that time",
            Sample.of([used[1]], "ms"),
            CPU,
        ),
    ]
