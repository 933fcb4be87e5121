"""reagent_release.layout: object paths, letter for letter (docs/contract/system.md 4.4, 6.3)."""

from pathlib import Path

import pytest

from reagent_build.targets import Target, read_targets
from reagent_release import layout

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("linux/amd64", "linux/amd64/1.2.3/reagent"),
        ("linux/arm64", "linux/arm64/1.2.3/reagent"),
        ("linux/arm/7", "linux/armv7/1.2.3/reagent"),
        ("linux/arm/6", "linux/armv6/1.2.3/reagent"),
        ("linux/arm/5", "linux/armv5/1.2.3/reagent"),
        ("windows/amd64", "windows/amd64/1.2.3/reagent.exe"),
        ("darwin/amd64", "darwin/amd64/1.2.3/reagent"),
        ("darwin/arm64", "darwin/arm64/1.2.3/reagent"),
    ],
)
def test_an_executable_lies_where_devices_look(target: str, name: str) -> None:
    assert layout.executable(Target.parse(target), "1.2.3") == name
    assert layout.sidecar(name) == f"{name}.sha256"


def test_the_alias_is_a_version_called_latest() -> None:
    assert layout.executable(Target("linux", "arm", "7"), layout.LATEST) == (
        "linux/armv7/latest/reagent"
    )


def test_no_two_targets_share_a_place() -> None:
    targets = read_targets(REPOSITORY / "targets")

    assert len({layout.executable(each, "1.0.0") for each in targets}) == len(targets) == 7


def test_names_that_others_rely_on() -> None:
    assert layout.BUCKET == "re-agent"
    assert layout.MANIFEST == "availableVersions.json"
    assert layout.VERSION_FILE == "version.txt"
    assert layout.CACHE_CONTROL == "public, max-age=0"
