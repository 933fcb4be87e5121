from __future__ import annotations

import itertools

import pytest

from reagent.errors import BadVersion
from reagent.updates.semver import Version, higher, is_update, same


@pytest.mark.parametrize(
    ("current", "latest", "update"),
    [
        ("1.2.3", "1.2.4", True),
        ("1.2.3", "1.3.0", True),
        ("1.2.3", "2.0.0", True),
        ("1.2.3", "1.2.3", False),
        ("1.2.3", "1.2.2", False),
        ("1.2.3", "0.99.99", False),
        ("1.2.3", "1.2.4-rc1", False),
        ("1.2.3", "9.0.0-rc1", False),
        ("1.2.3-rc1", "1.2.3-rc2", True),
        ("1.2.3-rc1", "1.2.3", True),
        ("1.2.3-rc1", "1.2.4-rc1", True),
        ("1.2.3-rc2", "1.2.3-rc1", False),
        ("1.2.3", "v1.2.4", True),
        ("v1.2.3", "1.2.4", True),
        ("1.2.3", "1.3", True),
        ("1.2.3", "2", True),
        ("1.3.0", "1.3", False),
        ("1.2.3", "1.2.3+build.7", False),
        ("1.2.3+build.7", "1.2.4+build.1", True),
        ("1.9.0", "1.10.0", True),
        ("0.20.20", "1.0.0", True),
    ],
)
def test_what_a_device_takes(current: str, latest: str, update: bool) -> None:  # noqa: FBT001
    assert is_update(current, latest) is update


@pytest.mark.parametrize(
    "text",
    ["", "latest", "not-a-version", "1.2.3.4", "1.2.3 ", " 1.2.3", "1.2.3\n", "V1.2.3", "1..3",
     "1.2.", "-1.2.3", "1.2.3-", "1.2.3+", "1.2.3-a..b", "1.2.3/../4", "\uff11.2.3", "9" * 19 + ".0.0",
     "1." * 60 + "0"],
)  # fmt: skip
def test_what_is_no_version_is_an_error_on_either_side(text: str) -> None:
    with pytest.raises(BadVersion):
        is_update("1.2.3", text)
    with pytest.raises(BadVersion):
        is_update(text, "1.2.3")


def test_precedence_is_that_of_semantic_versioning() -> None:
    rising = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
              "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-0", "1.0.1"]  # fmt: skip

    for (i, low), (j, high) in itertools.product(enumerate(rising), repeat=2):
        assert Version.parse(low).is_above(Version.parse(high)) is (i > j), (low, high)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("v1.2", "1.2.0"), ("3", "3.0.0"), ("1.2.3-rc.1+linux", "1.2.3-rc.1"), ("01.02.03", "1.2.3")],
)
def test_a_version_is_shown_whole_and_without_its_build(text: str, shown: str) -> None:
    assert str(Version.parse(text)) == shown


RISING = (
    "", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "v1.0.1", "1.9.0", "1.10", "2",
)  # fmt: skip


def test_of_two_versions_the_higher_one_by_precedence_alone() -> None:
    for lower, upper in itertools.pairwise(RISING):
        assert higher(lower, upper) == upper
        assert higher(upper, lower) == upper


def test_of_two_that_differ_in_their_build_the_first_stays() -> None:
    assert higher("1.0.0+1", "1.0.0+2") == "1.0.0+1"


@pytest.mark.parametrize("junk", ["junk", "../..", "", "reagent-latest", "1.2.3.4"])
def test_junk_loses_against_every_version(junk: str) -> None:
    assert higher(junk, "0.0.1") == "0.0.1"
    assert higher("0.0.1", junk) == "0.0.1"
    assert not same(junk, junk)


def test_one_version_may_be_written_in_several_ways() -> None:
    assert same("v1.5", "1.5.0+linux")
    assert not same("1.5.0", "1.5.0-rc.1")
