"""reagent.settings.stamp in a process of its own: `-version` is answered before anything is imported."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_saying_who_one_is_imports_next_to_nothing() -> None:
    program = (
        "import sys; before = set(sys.modules); from reagent.settings import stamp;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY / "src")},
    )

    assert done.stdout.split() == ["reagent"]
