"""reagent_release.versions: the manifest, and what devices can compare."""

import pytest

from reagent_release import versions
from reagent_release.errors import Misused
from reagent_release.versions import BrokenVersions, Change

TEXT = '{\n  "production": "1.0.0",\n  "test": "1.1.0",\n  "local": "1.0.0",\n  "all": "1.0.0"\n}\n'


@pytest.mark.parametrize(
    "version", ["0.20.20", "1.2.3", "10.0.0", "1.2.3-rc1", "1.2.3-rc.1", "1.0.0-0.3.7"]
)
def test_devices_can_compare_these(version: str) -> None:
    assert versions.check(version) == version


@pytest.mark.parametrize(
    "version",
    ["", "latest", "v1.2.3", "1.2", "1", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+build",
     "1.2.3 ", "1.2.3\n", "../1.2.3", "1.2.3/x", "1.2.\u0663"],
)  # fmt: skip
def test_these_never_get_into_the_manifest(version: str) -> None:
    with pytest.raises(Misused, match=r"MAJOR\.MINOR\.PATCH"):
        versions.check(version)


def test_the_order_of_versions_is_that_of_semantic_versioning() -> None:
    ascending = [
        "0.20.20", "1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2",
        "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
    ]  # fmt: skip

    for number, each in enumerate(ascending):
        for other in ascending[number + 1 :]:
            assert versions.lower(each, other)
            assert not versions.lower(other, each)
        assert not versions.lower(each, each)


def test_what_is_no_version_is_never_lower() -> None:
    assert not versions.lower("latest", "1.0.0")
    assert not versions.lower("1.0.0", "junk")


def test_the_text_that_is_read_is_the_text_that_is_written() -> None:
    assert versions.write(versions.read(TEXT)) == TEXT


def test_an_edit_changes_its_key_and_keeps_the_order() -> None:
    edited = versions.edited(versions.read(TEXT), [("test", "1.2.0"), ("production", "1.1.0")])

    assert versions.write(edited) == TEXT.replace("1.1.0", "1.2.0").replace(
        '"production": "1.0.0"', '"production": "1.1.0"'
    )


def test_a_key_that_every_manifest_may_have_is_added_at_the_end() -> None:
    assert versions.edited({"all": "1.0.0"}, [("test", "1.1.0")]) == {
        "all": "1.0.0",
        "test": "1.1.0",
    }


def test_an_environment_of_ones_own_is_edited_where_it_is_known() -> None:
    assert versions.edited({"staging": "1.0.0"}, [("staging", "1.1.0")]) == {"staging": "1.1.0"}


def test_a_mistyped_environment_is_refused_with_those_there_are() -> None:
    with pytest.raises(Misused, match=r"'producton'.*production, test, local, all"):
        versions.edited(versions.read(TEXT), [("producton", "1.2.3")])


def test_a_mistyped_version_is_refused() -> None:
    with pytest.raises(Misused, match=r"'1\.2'"):
        versions.edited(versions.read(TEXT), [("production", "1.2")])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ('"1.0.0"', "no JSON object"),
        ('{"all": 1}', "version of all is no text: 1"),
        ('{"all": {"x": "y"}}', "version of all is no text"),
        ('{"all": "1.0.0", "all": "1.0.1"}', "all stands there twice"),
        ("\0\0\0", "no JSON"),
    ],
)
def test_a_broken_manifest_is_named_broken(text: str, said: str) -> None:
    with pytest.raises(BrokenVersions, match=said):
        versions.read(text)


def test_a_comparison_knows_who_moves_who_stays_and_who_is_gone() -> None:
    changes = versions.compared(
        {"production": "1.0.0", "test": "1.0.0", "staging": "1.0.0"},
        {"production": "1.1.0", "test": "1.0.0", "all": "1.0.0"},
    )

    assert changes == (
        Change("production", "1.0.0", "1.1.0"),
        Change("test", "1.0.0", "1.0.0"),
        Change("all", None, "1.0.0"),
        Change("staging", "1.0.0", None),
    )
    assert [each.moves for each in changes] == [True, False, True, True]
