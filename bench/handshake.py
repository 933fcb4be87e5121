"""`device_handshake` and an echo of the bare client, called by the same caller in turn."""

import asyncio
import time
from typing import Final

from bench.bare import bare, new_client
from bench.figures import Budget, Figure, Sample, percentile
from sandbox.callers import SYSTEM, Caller
from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.wamp import Session

P50: Final = Budget(1.2, "x")
IN_FLIGHT: Final = 32
_BLOCK: Final = 100
_ROUNDS: Final = 5
_RATE_CALLS: Final = 2000


async def measure(cloud: Cloud, program: Program, calls: int) -> list[Figure]:
    """Sequential calls in blocks of a hundred in turn, then rates in turn."""
    device = cloud.new_device(program)
    async with (
        bare(cloud, new_client(cloud)) as client,
        Caller(cloud.router, SYSTEM) as caller,
    ):
        await client.registered()
        await device.start()
        await cloud.backend.status(device.identity, "CONNECTED")
        ours = f"re.mgmt.{device.identity.serial_number}.device_handshake"
        both: tuple[list[float], list[float]] = ([], [])
        rates: tuple[list[float], list[float]] = ([], [])
        for each in (ours, client.procedure):
            await _one_by_one(caller.session, each, _BLOCK)
        for _ in range(max(1, calls // _BLOCK)):
            for times, uri in zip(both, (ours, client.procedure), strict=True):
                times.extend(await _one_by_one(caller.session, uri, _BLOCK))
        for _ in range(_ROUNDS):
            for found, uri in zip(rates, (ours, client.procedure), strict=True):
                found.append(await _at_once(caller.session, uri, _RATE_CALLS))
        await device.stop()
    echo = "an echo of a bare autobahn client, same router, same caller"
    high = [[percentile(times, 0.99)] for times in both]
    return [
        Figure(
            f"`device_handshake`, median of {len(both[0]):,}",
            Sample.of([percentile(both[0], 0.5)], "ms"),
            echo,
            Sample.of([percentile(both[1], 0.5)], "ms"),
            P50,
        ),
        Figure(
            "`device_handshake`, 99 of 100 within",
            Sample.of(high[0], "ms"),
            echo,
            Sample.of(high[1], "ms"),
        ),
        Figure(
            f"`device_handshake` with {IN_FLIGHT} in flight",
            Sample.of(rates[0], "/s"),
            echo,
            Sample.of(rates[1], "/s"),
            note="calls per second, more is better; the caller and the router share the machine",
        ),
    ]


async def _one_by_one(session: Session, uri: str, calls: int) -> list[float]:
    times = []
    for _ in range(calls):
        begun = time.perf_counter()
        await session.call(uri)
        times.append(time.perf_counter() - begun)
    return times


async def _at_once(session: Session, uri: str, calls: int) -> float:
    """Calls per second."""
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            await session.call(uri)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(work())
    return calls / (time.perf_counter() - begun)
