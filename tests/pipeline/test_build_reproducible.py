"""reagent_build.reproducible: two builds of one commit, and where they differ if they do."""

import shutil
import subprocess
from pathlib import Path

import pytest

from reagent_build.reproducible import TWO, differences, main


def elf(folder: Path, text: str, name: str) -> bytes:
    """An object file with a section of its own."""
    if shutil.which("objcopy") is None:
        pytest.skip("there are no binutils here")
    (folder / name).write_text(text)
    source = folder / "empty.o"
    subprocess.run(["as", "-o", source, "/dev/null"], check=True)
    target = folder / f"{name}.o"
    subprocess.run(
        ["objcopy", f"--add-section=.reagent={folder / name}", source, target], check=True
    )
    return target.read_bytes()


def test_a_difference_is_named_by_its_section(tmp_path: Path) -> None:
    one, other = elf(tmp_path, "the payload", "one"), elf(tmp_path, "the pAyload", "other")

    assert list(differences(one, other)) == [".reagent: 11 and 11 bytes, different from byte 5"]


def test_what_has_no_sections_is_compared_as_it_is() -> None:
    assert list(differences(b"{a}", b"{b}")) == ["outside of all sections: different from byte 1"]
    assert list(differences(b"{a}", b"{a}")) == []


def test_the_two_builds_have_nothing_around_them_in_common() -> None:
    one, other = TWO

    assert one.folder != other.folder
    assert one.umask != other.umask
    assert one.dates != other.dates
    assert all(one.environment[key] != other.environment[key] for key in ("TZ", "LC_ALL"))


def test_what_cannot_be_built_is_said_before_anything_is_cloned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plan9/amd64"]) == 2

    assert "plan9/amd64 cannot be built" in capsys.readouterr().err


@pytest.mark.timeout(60)
def test_a_build_that_fails_is_no_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--engine", "unix:///nowhere/docker.sock", "linux/amd64"]) == 1

    assert "unix:///nowhere/docker.sock" in capsys.readouterr().err
