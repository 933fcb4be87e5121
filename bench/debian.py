"""`-version` beside the Debian Python that the executable is made of, both in its build image.

A container costs more to start than either takes, so one container runs both in turn.
"""

import asyncio
import json
from typing import Final

from bench.buildimage import build_image
from bench.figures import Figure, Sample
from bench.version import BUDGET
from sandbox.cloud import Cloud
from sandbox.program import Program

_TIMES: Final = """
import json, os, sys, time
nowhere = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, nowhere, each) for each in (0, 1, 2)]
commands = [["/reagent", "-version"], ["/usr/bin/python3.13", "-I", "-S", "-c", "0"]]
times = [[], []]
for _ in range(int(sys.argv[1]) + 1):
    for found, command in zip(times, commands):
        begun = time.perf_counter()
        os.waitpid(os.posix_spawn(command[0], command, {}, file_actions=actions), 0)
        found.append(time.perf_counter() - begun)
print(json.dumps([sys.version.split()[0], *(found[1:] for found in times)]))
"""


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    """Nothing where the engine has no build image of this architecture."""
    return await asyncio.to_thread(_measure, cloud, program, runs)


def _measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    with cloud.engine.client() as client:
        tag = build_image(client)
        if tag is None:
            return []
        said = client.containers.run(
            tag,
            ["python3.13", "-I", "-c", _TIMES, str(runs)],
            volumes={str(program.executable.resolve()): {"bind": "/reagent", "mode": "ro"}},
            network_mode="none",
            remove=True,
        )
    version, ours, theirs = json.loads(said)
    return [
        Figure(
            "`-version`, in the build image",
            Sample.of(ours, "ms"),
            f"Debian's python {version} -I -S -c 0, same container",
            Sample.of(theirs, "ms"),
            BUDGET,
        )
    ]
