"""What `reagent.spec` leaves out of an executable: nothing that the agent names."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent_build.inside.contents import covers

REPOSITORY = Path(__file__).parents[2]
SPEC = tomllib.loads((REPOSITORY / "build/reagent.spec").read_text())
LEFT_OUT = (*SPEC["left_out"], *SPEC["left_out_of_stdlib"])
# Only where there is no C of ours: in a PyInstaller build and in a source tree.
# And what a system chooses by its name.
ELSEWHERE = (
    "ctypes", "reagent.adapters.windows", "reagent.commands.windows", "reagent.updates.windows",
)  # fmt: skip


def _imported(source: str) -> Iterator[str]:
    """Every absolute name that is imported, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path in (REPOSITORY / "src/reagent").rglob("*.py")
        if not covers(
            LEFT_OUT, ".".join(path.relative_to(REPOSITORY / "src").with_suffix("").parts)
        )
    ),
    ids=lambda path: path.name,
)
def test_no_module_of_the_agent_imports_what_stays_out(path: Path) -> None:
    names = set(_imported(path.read_text()))

    assert not {name for name in names if covers(LEFT_OUT, name) and not covers(ELSEWHERE, name)}
