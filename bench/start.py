"""From launch to joined, and to CONNECTED: as the router and the backend see it.

Both clocks are this process's: it notes the moment before it starts the process, and hears of the
join by the router's own meta event, of CONNECTED by the call that reaches the backend.
"""

import asyncio
import re
import time
from typing import Final

from bench.bare import bare, new_client
from bench.figures import Budget, Figure, Sample
from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.router import BACKEND
from sandbox.wamp import Incoming, Session, join

JOINED: Final = Budget(0.2, "s")
CONNECTED: Final = Budget(0.36, "s")
_WITHIN_S: Final = 20.0
_TELLS_S: Final = 0.1
_OWN: Final = re.compile(
    r"^.*?(socket connection, from launch|green, from launch): (.+)$", re.MULTILINE
)


class _Joins:
    """When each authid joined, on the monotonic clock."""

    def __init__(self) -> None:
        self._seen: dict[str, asyncio.Future[float]] = {}

    async def listen(self, session: Session) -> None:
        """Hear the router's meta event."""
        await session.subscribe("wamp.session.on_join", self._joined)

    def of(self, authid: str) -> asyncio.Future[float]:
        """The next join of `authid`."""
        self._seen[authid] = asyncio.get_running_loop().create_future()
        return self._seen[authid]

    def _joined(self, event: Incoming) -> None:
        waiting = self._seen.get(str(event.first.get("authid")))
        if waiting is not None and not waiting.done():
            waiting.set_result(time.monotonic())


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    """Agent and bare client in turn, each a new process; the device file stays the same."""
    observer = await join(cloud.router.url, BACKEND, cloud.router.secrets[BACKEND])
    try:
        joins = _Joins()
        await joins.listen(observer)
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        device = cloud.new_device(program)
        client = new_client(cloud)
        for _ in range(runs + 1):  # the first finds cold caches
            joined = joins.of(device.identity.authid)
            seen = len(cloud.backend.statuses(device.identity))
            begun, begun_wall = time.monotonic(), time.time()
            await device.start()
            async with asyncio.timeout(_WITHIN_S):
                at = await joined
            record = await cloud.backend.status(device.identity, "CONNECTED", since=seen)
            ours.append((at - begun, record.at - begun_wall))
            await asyncio.sleep(_TELLS_S)
            await device.stop()

            joined = joins.of(client.authid)
            begun = time.monotonic()
            async with bare(cloud, client) as running:
                async with asyncio.timeout(_WITHIN_S):
                    at = await joined
                await running.registered()
                theirs.append((at - begun, time.monotonic() - begun))
    finally:
        await observer.leave()
    own = _OWN.findall(device.printed())[-2:]
    says = ", ".join(f"{what} {took}" for what, took in own)
    return [
        Figure(
            "launch to joined",
            Sample.of([joined for joined, _ in ours[1:]], "s"),
            "a bare autobahn client, launch to joined",
            Sample.of([joined for joined, _ in theirs[1:]], "s"),
            JOINED,
        ),
        Figure(
            "launch to CONNECTED",
            Sample.of([connected for _, connected in ours[1:]], "s"),
            "a bare autobahn client, launch to one procedure registered",
            Sample.of([registered for _, registered in theirs[1:]], "s"),
            CONNECTED,
            note=f"the agent's own figures in its last start: {says or 'not printed'}",
        ),
    ]
