"""reagent_release.words: one line of arguments for three commands."""

import pytest

from reagent_build.targets import Target
from reagent_release.errors import Misused
from reagent_release.words import Words, parse

AMD64 = Target("linux", "amd64")
ARMV7 = Target("linux", "arm", "7")


def test_nothing_said_is_everything_as_usual() -> None:
    assert parse([]) == Words()


def test_each_command_finds_its_own_in_one_line() -> None:
    words = parse(
        ["production", "1.2.3", "--dry-run", "--targets", "linux/amd64,linux/arm/7", "linux/amd64",
         "--engine", "unix:///run/x.sock", "test", "1.3.0-rc1", "--freezer=static"]
    )  # fmt: skip

    assert words == Words(
        dry_run=True,
        release=(AMD64, ARMV7),
        some=(AMD64,),
        building=("--engine", "unix:///run/x.sock", "--freezer", "static"),
        edits=(("production", "1.2.3"), ("test", "1.3.0-rc1")),
    )


def test_targets_may_be_named_more_than_once() -> None:
    words = parse(["--targets", "linux/amd64", "--targets=linux/arm/7", "--targets=linux/amd64"])

    assert words.release == (AMD64, ARMV7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dryrun"], "--dryrun"),
        (["--dry"], "--dry"),
        (["--target", "linux/amd64"], "--target"),
        (["production"], "'production'.*pairs"),
        (["production", "1.2.3", "1.2.4"], "'1.2.4'.*pairs"),
        (["linux/arm"], "linux/arm"),
        (["--targets", "linux"], "'linux' is not os/arch"),
        (["--targets"], "--targets"),
        (["--after", "lint"], "--after"),
    ],
)
def test_what_is_nobodys_is_refused_by_name(arguments: list[str], said: str) -> None:
    with pytest.raises(Misused, match=said):
        parse(arguments)
