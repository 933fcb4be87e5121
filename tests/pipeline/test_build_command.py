"""`python -m reagent_build`: exit statuses, the plan, and what is said when nothing can be done."""

import subprocess
from pathlib import Path

import pytest

from reagent_build import probe
from reagent_build.__main__ import REPOSITORY, main
from reagent_build.errors import BuildError

NOWHERE = ("--engine", "unix:///nowhere/docker.sock")


def test_a_dry_run_shows_the_plan_and_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    output = REPOSITORY / "build/out"
    before = sorted(output.iterdir()) if output.exists() else []

    status = main(["--freezer", "pyinstaller", "--dry-run"])

    version = (REPOSITORY / "src/reagent/version.txt").read_text().strip()
    assert status == 0
    assert f"reagent {version} (" in capsys.readouterr().out
    assert (sorted(output.iterdir()) if output.exists() else []) == before


def test_the_plan_names_the_commit_it_is_made_from(capsys: pytest.CaptureFixture[str]) -> None:
    head = subprocess.run(
        ["git", "-C", REPOSITORY, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()

    main(["--freezer", "pyinstaller", "--dry-run"])

    assert f"({(head or 'unknown')[:12]})" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["linux"], 2, "is not os/arch"),
        ([*NOWHERE, "linux/riscv64"], 1, "needs a Docker engine"),
        (["--freezer", "pyinstaller", "linux/riscv64"], 1, "pyinstaller freezes for the machine"),
        ([*NOWHERE, "plan9/amd64"], 2, "plan9/amd64 cannot be built; these can: linux/amd64, "),
        (["linux/arm"], 2, "does not say which ARM: linux/arm/5, linux/arm/6, linux/arm/7"),
        (["linux/amd64/7"], 2, "arm alone has a variant"),
        (["linux/amd64", "windows/arm64"], 2, "windows/arm64 cannot be built; these can:"),
        (["freebsd/amd64"], 2, "freebsd/amd64 cannot be built"),
        (["linux/arm/4"], 2, "linux/arm/4 cannot be built"),
        # Who names an engine does not want what is made without one.
        ([*NOWHERE], 1, "unix:///nowhere/docker.sock"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    done = main(arguments)

    printed = capsys.readouterr()
    assert done == status
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_an_unknown_option_is_a_misuse() -> None:
    with pytest.raises(SystemExit) as misuse:
        main(["--frezer"])

    assert misuse.value.code == 2


def test_a_probe_is_made_of_a_static_executable_of_this_tree_alone(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"\x7fELF something else")

    with pytest.raises(BuildError, match="no static executable"):
        probe.make_probe(tmp_path / "program", tmp_path / "probe")

    assert not (tmp_path / "probe").exists()
