"""What a refusal and `-version` cost: they import next to nothing (docs/contract/system.md 2.3)."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
DECLARED = {
    "reagent",
    "reagent.__main__",
    "reagent.settings",
    "reagent.settings.flags",
    "reagent.settings.goflag",
}
# What tells the version; below it the source tree reads a file, a frozen executable does not.
STAMP = {"reagent.settings.stamp", "reagent._built", "reagent.resources", "reagent._resources"}
HEAVY = {"asyncio", "json", "re", "enum", "typing", "dataclasses", "argparse", "logging", "socket"}

PROGRAM = """
import sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
from reagent.__main__ import main
main(["reagent", *sys.argv[2:]])
print(*sorted(set(sys.modules) - before))
"""


def imported(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, SOURCE, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("word", ["-help", "-nope", ""])
def test_a_refusal_imports_the_declared_few_and_nothing_else(word: str) -> None:
    assert imported(word) == DECLARED


def test_a_command_that_cannot_be_read_imports_nothing_of_the_agent() -> None:
    found = imported("service")

    assert not found & {"asyncio", "sqlite3", "ssl", "reagent.agent", "reagent.process"}


@pytest.mark.parametrize("word", ["-version", "-arch"])
def test_the_version_and_the_architecture_import_nothing_heavy(word: str) -> None:
    found = imported(word)

    assert {name for name in found if name.startswith("reagent")} == DECLARED | STAMP
    assert not found & HEAVY
