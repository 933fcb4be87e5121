"""How large the executable is."""

from bench.figures import Budget, Figure, Sample
from sandbox.program import Program

BUDGET = Budget(24e6, "MB")


def measure(program: Program) -> list[Figure]:
    """Bytes on disk; the reference is the one figure that is not of this run."""
    return [
        Figure(
            "executable, without a tunnel client",
            Sample.of([program.executable.stat().st_size], "MB"),
            budget=BUDGET,
        )
    ]
