"""`python -m bench [name ...]`: measure the executable beside references, print the ratios."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import (
    apps,
    curve,
    debian,
    handshake,
    idle,
    imports,
    logs,
    reconnects,
    report,
    size,
    start,
    update,
    version,
    where,
)
from bench.figures import Figure, Table
from sandbox import crossbar, images, packages
from sandbox.cloud import Cloud, Services, cloud_on, services
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError
from sandbox.program import Program, from_source, frozen

EXECUTABLE: Final = REPOSITORY / f"build/out/reagent-linux-{images.architecture()}"

ALONE: Final[Mapping[str, Callable[[Program], list[Figure]]]] = {
    "size": size.measure,
    "version": lambda program: version.measure(program, runs=40),
}
IN_THE_CLOUD: Final[Mapping[str, Callable[[Cloud, Program], Awaitable[list[Figure]]]]] = {
    "debian": lambda cloud, program: debian.measure(cloud, program, runs=40),
    "imports": lambda cloud, program: imports.measure(cloud, program, runs=15),
    "start": lambda cloud, program: start.measure(cloud, program, runs=10),
    "handshake": lambda cloud, program: handshake.measure(cloud, program, calls=1000),
    "logs": lambda cloud, program: logs.measure(cloud, program, runs=3),
    "idle": lambda cloud, program: idle.measure(cloud, program, minutes=1),
    "update": lambda cloud, program: update.measure(cloud, program, runs=5),
    "reconnects": reconnects.measure,
    "apps": lambda cloud, program: apps.measure(cloud, program, minutes=1),
}
TABLES: Final[Mapping[str, Callable[[Cloud, Program], Awaitable[list[Table]]]]] = {
    "where": lambda cloud, program: where.measure(cloud, program, runs=9),
    "curve": curve.measure,
}
# Several minutes each: only where they are named.
LONG: Final = frozenset({"reconnects", "apps"})
NEED_AN_ENGINE: Final = frozenset({"debian", "imports", "logs", "apps"})


NAMES: Final = (
    f"of {', '.join((*ALONE, *IN_THE_CLOUD, *TABLES))}; without any: all but"
    f" {', '.join(sorted(LONG))}, which take minutes"
)


def say(line: str) -> None:
    """What happens, beside the figures."""
    print(f"  {line}", file=sys.stderr, flush=True)


async def in_the_cloud(
    shared: Services, program: Program, names: Sequence[str]
) -> tuple[list[Figure], list[Table]]:
    """What needs a router: on a backend of its own each."""
    figures: list[Figure] = []
    tables: list[Table] = []
    for name in names:
        say(f"measure {name}")
        async with cloud_on(shared) as cloud:
            if name in TABLES:
                tables += await TABLES[name](cloud, program)
            else:
                figures += await IN_THE_CLOUD[name](cloud, program)
    return figures, tables


def run(
    program: Program, names: Sequence[str], engine: str | None
) -> tuple[list[Figure], list[Table]]:
    """Measure, in the order of the tables above."""
    figures: list[Figure] = []
    tables: list[Table] = []
    for name in (each for each in ALONE if each in names):
        say(f"measure {name}")
        figures += ALONE[name](program)
    rest = [each for each in (*IN_THE_CLOUD, *TABLES) if each in names]
    if rest:
        packages.ensure(packages.SERVICES, say)
        crossbar.ensure(say)
        with services(say, engine=engine) as shared:
            if shared.engine is None and NEED_AN_ENGINE.intersection(rest):
                rest = [each for each in rest if each not in NEED_AN_ENGINE]
                say(f"{', '.join(sorted(NEED_AN_ENGINE))} are not measured: {shared.no_engine}")
            more, tables = asyncio.run(in_the_cloud(shared, program, rest))
            figures += more
    return figures, tables


def main() -> int:
    """0 when everything that was named was measured."""
    every = (*ALONE, *IN_THE_CLOUD, *TABLES)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=NAMES)
    parser.add_argument("--all", action="store_true", help="with those that take minutes")
    parser.add_argument("--program", type=Path, default=EXECUTABLE, help="another executable")
    parser.add_argument("--source", action="store_true", help="the agent of the source tree")
    parser.add_argument("--engine", metavar="ADDRESS", help="use this Docker engine, start none")
    parser.add_argument("--write", action="store_true", help=f"into {report.PAGE.name} too")
    options = parser.parse_args()
    usual = every if options.all else [each for each in every if each not in LONG]
    names = options.names or usual
    unknown = sorted(set(names) - set(every))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(every)}")
    with tempfile.TemporaryDirectory() as folder:
        if options.source:
            program, called = from_source(Path(folder)), "the agent from source"
        elif options.program.exists():
            program, called = frozen(options.program), f"`{options.program.name}`"
        else:
            print(f"{options.program} was not built: nox -s build", file=sys.stderr)
            return 1
        try:
            figures, tables = run(program, names, options.engine)
        except (SandboxError, packages.PackagesMissing) as error:
            print(error, file=sys.stderr)
            return 1
    run_in = report.conditions(called)
    print(report.plain(figures, tables), *run_in, sep="\n")
    if options.write:
        report.write(figures, tables, run_in)
    return 0


if __name__ == "__main__":
    sys.exit(main())
