"""reagent_build.age: when a build image is too old."""

from datetime import date, timedelta

import pytest

from reagent_build.age import FRESH_FOR_DAYS, warning
from reagent_build.images import BUILD

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize("days", [-1, 0, FRESH_FOR_DAYS])
def test_an_image_of_a_month_is_fresh(days: int) -> None:
    packages_of = (TODAY - timedelta(days=days)).isoformat()

    assert warning("image:1", packages_of, TODAY) is None


def test_an_older_one_is_named_with_its_age_and_the_command_that_helps() -> None:
    said = warning("image:1", "2026-10-25", TODAY)

    assert said is not None
    assert said.startswith("the packages in image:1 are of 2026-10-25, 31 days old")
    assert "nox -s refresh" in said


@pytest.mark.parametrize("label", ["", "unknown", "<no value>"])
def test_one_that_does_not_say_how_old_it_is_counts_as_old(label: str) -> None:
    said = warning("image:1", label, TODAY)

    assert said is not None
    assert "does not say" in said


def test_no_layer_of_another_day_is_taken_for_one_of_this_day() -> None:
    recipes = {path.name: path.read_text() for path in (BUILD / "images").glob("*.Dockerfile")}

    asking = {name: text for name, text in recipes.items() if "\nFROM debian:" in text}
    del asking["windows.Dockerfile"]  # nothing of Debian is in reagent.exe
    assert "static-common.Dockerfile" in asking
    for name, text in asking.items():
        assert 'reagent.packages="$PACKAGES_OF"' in text, name
        assert text.index("ARG PACKAGES_OF") < text.index("RUN "), name
