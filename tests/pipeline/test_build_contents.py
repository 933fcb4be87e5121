"""reagent_build.inside.contents: which modules go into an executable."""

from pathlib import Path

from reagent_build.inside.contents import covers, merged, modules_under


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


def test_a_name_covers_itself_and_what_is_below_it_alone() -> None:
    left_out = ("autobahn.test",)

    covered = [covers(left_out, f"autobahn.{name}") for name in ("test", "test.a", "testutil")]

    assert covered == [True, True, False]


def test_packages_and_modules_are_named_as_they_are_imported(tmp_path: Path) -> None:
    tree(
        tmp_path, "reagent/__init__.py", "reagent/api/__init__.py", "reagent/api/wire.py", "six.py"
    )

    modules = modules_under(tmp_path)

    assert {name: module.is_package for name, module in modules.items()} == {
        "reagent": True,
        "reagent.api": True,
        "reagent.api.wire": False,
        "six": False,
    }


def test_a_folder_of_modules_without_init_is_a_package_of_its_own(tmp_path: Path) -> None:
    tree(tmp_path, "spaces/inner/module.py", "spaces/data/file.txt")

    modules = modules_under(tmp_path)

    assert sorted(modules) == ["spaces", "spaces.inner", "spaces.inner.module"]
    assert modules["spaces"].path is None


def test_caches_data_and_folders_that_are_no_names_are_not_modules(tmp_path: Path) -> None:
    tree(tmp_path, "a/__init__.py", "a/__pycache__/b.cpython-313.pyc", "a-1.0.dist-info/x.py")

    modules = modules_under(tmp_path)

    assert sorted(modules) == ["a"]


def test_what_is_left_out_takes_everything_below_it_along(tmp_path: Path) -> None:
    tree(tmp_path, "a/__init__.py", "a/test/__init__.py", "a/test/case.py", "a/used.py")

    modules = modules_under(tmp_path, left_out=("a.test",))

    assert sorted(modules) == ["a", "a.used"]


def test_a_stand_in_replaces_a_whole_package(tmp_path: Path) -> None:
    real = modules_under(tree(tmp_path / "real", "certifi/__init__.py", "certifi/core.py", "b.py"))
    stand_in = modules_under(tree(tmp_path / "stand_ins", "certifi.py"))

    modules = merged(real, stand_in)

    assert sorted(modules) == ["b", "certifi"]
    assert modules["certifi"].path == tmp_path / "stand_ins/certifi.py"


def test_code_names_its_file_without_the_build_machines_folders(tmp_path: Path) -> None:
    modules = modules_under(tree(tmp_path, "reagent/__init__.py", "reagent/agent.py"))

    assert modules["reagent.agent"].shown_as == "<reagent/agent.py>"
