"""reagent_build.targets: the file `targets`, and what each platform is called."""

from pathlib import Path

import pytest

from reagent_build.targets import (
    DEBIAN,
    PLATFORMS,
    Target,
    UnknownTargetError,
    machine_target,
    read_targets,
)

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "stamp", "file_name"),
    [
        ("linux/amd64", "amd64", "reagent-linux-amd64"),
        ("linux/arm64", "arm64", "reagent-linux-arm64"),
        ("linux/arm/7", "armv7", "reagent-linux-armv7"),
        ("linux/arm/5", "armv5", "reagent-linux-armv5"),
        ("darwin/amd64", "amd64", "reagent-darwin-amd64"),
        ("windows/amd64", "amd64", "reagent-windows-amd64.exe"),
    ],
)
def test_a_target_is_called_as_the_field_calls_it(text: str, stamp: str, file_name: str) -> None:
    target = Target.parse(text)

    assert (target.stamp, target.file_name) == (stamp, file_name)
    assert str(target) == text


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "linux/arm", "linux/amd64/7", "linux/arm/7/x", "../../etc"]
)
def test_what_names_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UnknownTargetError):
        Target.parse(text)


def test_every_line_of_the_committed_file_is_a_target() -> None:
    targets = read_targets(REPOSITORY / "targets")

    assert Target("linux", "amd64") in targets
    assert len(set(targets)) == len(targets)


def test_every_linux_target_of_the_committed_file_has_its_row_of_debian_names() -> None:
    linux = [target for target in read_targets(REPOSITORY / "targets") if target.os == "linux"]

    assert [target for target in linux if target not in DEBIAN] == []


def test_every_line_of_the_committed_file_can_be_built() -> None:
    assert [each for each in read_targets(REPOSITORY / "targets") if each not in PLATFORMS] == []


def test_every_linux_platform_is_made_by_debian_and_has_its_emulator() -> None:
    linux = {target for target in PLATFORMS if target.os == "linux"}

    assert linux == set(DEBIAN)
    assert all(PLATFORMS[target].emulator for target in linux)


def test_comments_and_empty_lines_are_no_targets(tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("# boards\nlinux/arm/7\n\n  linux/amd64  \n")

    targets = read_targets(tmp_path / "targets")

    assert targets == (Target("linux", "arm", "7"), Target("linux", "amd64"))


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "linux/amd64"),
        ("linux", "aarch64", "linux/arm64"),
        ("linux", "armv7l", "linux/arm/7"),
        ("linux", "armv6l", "linux/arm/6"),
        ("darwin", "arm64", "darwin/arm64"),
        ("win32", "AMD64", "windows/amd64"),
    ],
)
def test_a_machine_knows_its_own_target(system: str, machine: str, name: str) -> None:
    target = machine_target(system, machine)

    assert str(target) == name


def test_a_machine_that_is_no_platform_of_ours_says_so() -> None:
    with pytest.raises(UnknownTargetError, match="s390x"):
        machine_target("linux", "s390x")
