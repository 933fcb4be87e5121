"""Everything the executable can import, beside the same from source: Debian's Python, its image.

A container costs more to start than either takes, so one container runs both in turn. The source
has its bytecode beside it, as an installed package has.
"""

import asyncio
import json
import shutil
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Final

from docker.errors import ContainerError

from bench.buildimage import build_image
from bench.figures import Budget, Figure, Sample
from reagent_build.errors import BuildError
from reagent_build.inside.contents import modules_under
from reagent_build.probe import make_probe
from reagent_build.wheels import ensure_wheels
from sandbox.cloud import Cloud
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError
from sandbox.program import Program

BUDGET: Final = Budget(1.2, "x")
LIBRARIES: Final = ("autobahn.asyncio.websocket", "autobahn.wamp.protocol", "docker", "requests")
# Both are told the same names, on standard input, and say how many modules came along.
_IMPORT: Final = "import sys\nfor name in {names!r}: __import__(name)\nprint(len(sys.modules))\n"
_TIMES: Final = """
import compileall, json, subprocess, sys, time
paths = ["/given/wheels", "/given/src"]
for path in paths:
    compileall.compile_dir(path, quiet=2, workers=1)
add = f"import sys; sys.path += {paths}; exec(open(0).read())"
commands = [["/given/probe"], ["/usr/bin/python3.13", "-I", "-S", "-c", add]]
times = [[], []]
modules = [0, 0]
for _ in range(int(sys.argv[1]) + 1):
    for number, command in enumerate(commands):
        with open("/given/program.py") as program:
            begun = time.perf_counter()
            done = subprocess.run(command, stdin=program, env={}, capture_output=True)
            times[number].append(time.perf_counter() - begun)
        if done.returncode:
            sys.exit(done.stderr.decode())
        modules[number] = int(done.stdout)
print(json.dumps([sys.version.split()[0], modules, *(found[1:] for found in times)]))
"""


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    """Nothing where the engine has no build image of this architecture, or nothing to probe."""
    return await asyncio.to_thread(_measure, cloud, program, runs)


def _measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    with cloud.engine.client() as client, tempfile.TemporaryDirectory() as given:
        tag = build_image(client)
        if tag is None or not _prepared(program, Path(given)):
            return []
        try:
            said = client.containers.run(
                tag,
                ["python3.13", "-I", "-c", _TIMES, str(runs)],
                volumes={given: {"bind": "/given", "mode": "rw"}},
                network_mode="none",
                remove=True,
            )
        except ContainerError as error:
            stderr: object = error.stderr
            text = stderr.decode() if isinstance(stderr, bytes) else str(stderr)
            last = text.strip().rpartition("\n")[2]
            raise SandboxError(
                f"not everything can be imported ({last}): was the executable built of this tree?"
            ) from error
    version, modules, ours, theirs = json.loads(said)
    return [
        Figure(
            "everything imported, start to end",
            Sample.of(ours, "ms"),
            f"Debian's python {version} -I -S, the same modules from source with their bytecode",
            Sample.of(theirs, "ms"),
            BUDGET,
            note=f"all modules of the agent, {', '.join(LIBRARIES)}: {modules[0]} modules in all,"
            f" from source {modules[1]}",
        )
    ]


def _prepared(program: Program, given: Path) -> bool:
    try:
        make_probe(program.executable, given / "probe")
    except BuildError:
        return False
    source = REPOSITORY / "src"
    shutil.copytree(source, given / "src", ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    left_out = tomllib.loads((REPOSITORY / "build/reagent.spec").read_text())["left_out"]
    names = (*sorted(modules_under(source, tuple(left_out))), *LIBRARIES)
    (given / "program.py").write_text(_IMPORT.format(names=names), encoding="utf-8")
    requirements = REPOSITORY / "build/requirements-runtime.txt"
    for wheel in ensure_wheels(requirements, REPOSITORY / ".cache/build"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(given / "wheels")
    return True
