"""reagent_build.inside.patches: small changes to the standard library."""

from pathlib import Path

import pytest

from reagent_build.inside.contents import Module, modules_under
from reagent_build.inside.patches import patched
from reagent_build.inside.toolchain import BuildError


def library(tmp_path: Path, source: str) -> dict[str, Module]:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/dataclasses.py").write_text(source)
    return modules_under(tmp_path / "lib")


def test_a_patch_changes_a_copy_and_leaves_the_library_alone(tmp_path: Path) -> None:
    modules = library(tmp_path, "exec(txt)\n")
    patch = {"module": "dataclasses", "find": "exec(txt)", "replace": "exec(ready(txt))"}

    changed = patched(modules, [patch], tmp_path)["dataclasses"]

    assert changed.path is not None
    assert changed.path.read_text() == "exec(ready(txt))\n"
    assert changed.shown_as == modules["dataclasses"].shown_as
    assert (tmp_path / "lib/dataclasses.py").read_text() == "exec(txt)\n"


def test_a_module_may_be_patched_twice(tmp_path: Path) -> None:
    patches = [
        {"module": "dataclasses", "find": "a", "replace": "b"},
        {"module": "dataclasses", "find": "b", "replace": "c"},
    ]

    changed = patched(library(tmp_path, "a\n"), patches, tmp_path)["dataclasses"]

    assert changed.path is not None
    assert changed.path.read_text() == "c\n"


@pytest.mark.parametrize("source", ["something else\n", "exec(txt)\nexec(txt)\n"])
def test_a_library_that_changed_stops_the_build(tmp_path: Path, source: str) -> None:
    patch = {"module": "dataclasses", "find": "exec(txt)", "replace": ""}

    with pytest.raises(BuildError, match="dataclasses of this CPython"):
        patched(library(tmp_path, source), [patch], tmp_path)
