"""`reagent -version`, beside interpreters that do nothing at all."""

import tempfile
from pathlib import Path

from bench import pythons
from bench.figures import Budget, Figure, Sample
from bench.processes import in_turn, once
from reagent_build.errors import BuildError
from reagent_build.probe import make_probe
from sandbox.program import Program

BUDGET = Budget(1.2, "x")


def measure(program: Program, runs: int) -> list[Figure]:
    """In turn with each interpreter that there is."""
    beside: list[tuple[str, list[str], Budget | None]] = []
    same = pythons.of_the_same_minor()
    if same is not None:
        beside.append((same.shown(), same.bare_start, BUDGET))
    system = pythons.of_the_system()
    if system is not None and (same is None or system.file != same.file):
        budget = BUDGET if same is None else None
        beside.append((f"the system's {system.shown()}", system.bare_start, budget))
    with tempfile.TemporaryDirectory() as folder:
        probe = _probe(program, Path(folder))
        if probe:
            beside.append(("the executable's own runtime, no application", [probe], None))
        ours, *others = in_turn(
            runs,
            lambda: once([str(program.executable), "-version"]),
            *(lambda command=command: once(command) for _, command, _ in beside),
        )
    return [
        Figure("`-version`", Sample.of(ours, "ms"), name, Sample.of(times, "ms"), budget)
        for (name, _, budget), times in zip(beside, others, strict=True)
    ]


def _probe(program: Program, folder: Path) -> str:
    """The same runtime running an empty program, where the executable is a static one."""
    file = folder / "probe"
    try:
        make_probe(program.executable, file)
    except BuildError:
        return ""
    return str(file)
