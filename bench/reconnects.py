"""How much an agent grows over five hundred sessions.

A router that throws a device out again and again is dialled with growing pauses, which would make
this take hours. So the executable's own runtime runs the executable's own code with one change:
the next dial never waits.
"""

import tempfile
from pathlib import Path
from typing import Final

from bench.figures import Budget, Figure, Sample
from bench.probes import agent_with
from bench.processes import memory
from sandbox.cloud import Cloud
from sandbox.program import Program

SESSIONS: Final = 500
GROWTH: Final = Budget(2e6, "MB")
_WARM: Final = 50
_WITHIN_S: Final = 20.0
_PROGRAM: Final = """
import sys
from reagent.__main__ import main
from reagent.connection.redial import Redial
Redial.delay = lambda self, die: 0.0
sys.exit(main())
"""


async def measure(cloud: Cloud, program: Program) -> list[Figure]:
    """Anonymous memory after fifty sessions, when everything was used, and after 550.

    Raises:
        BuildError: the program is not a static executable.
    """
    with tempfile.TemporaryDirectory() as folder:
        device = cloud.new_device(agent_with(program, _PROGRAM, Path(folder)))
        await device.start()
        seen = 0
        held: list[int] = []
        for round_ in range(_WARM + SESSIONS + 1):
            await cloud.backend.status(device.identity, "CONNECTED", since=seen, within=_WITHIN_S)
            if round_ in {_WARM, _WARM + SESSIONS}:
                held.append(memory(device.pid).anonymous)
            seen = len(cloud.backend.statuses(device.identity))
            await cloud.backend.cut(device.identity.authid)
        await device.stop()
    return [
        Figure(
            f"growth over {SESSIONS} reconnects",
            Sample.of([held[1] - held[0]], "MB"),
            budget=GROWTH,
            note=f"anonymous memory, from {held[0] / 1e6:.1f} to {held[1] / 1e6:.1f} MB",
        )
    ]
