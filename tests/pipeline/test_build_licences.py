"""reagent_build.sbom_licences: what a copyright file says, and nothing beyond."""

import pytest

from reagent_build.errors import BuildError
from reagent_build.sbom_licences import BY_SOURCE, Licence, checked, of_source

HEAD = (
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nSource: there\n\n"
)


def machine_readable(everything: str) -> str:
    return (
        f"{HEAD}Files: debian/*\nCopyright: a packager\nLicense: GPL-2+\n\n"
        f"Files: *\nCopyright:\n 1999 somebody\n .\n 2001 somebody else\nLicense: {everything}\n"
        " The text of the licence\n .\n goes on: here.\n\n"
        "License: Expat\n A text that is referred to.\n"
    )


@pytest.mark.parametrize(
    ("said", "expression"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("Expat", "MIT"),
        ("zlib", "Zlib"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("BSD-3-clause or GPL-2", "BSD-3-Clause OR GPL-2.0-only"),
        ("ISC, and MIT", "ISC AND MIT"),
    ],
)
def test_what_holds_for_the_whole_package_is_said_in_the_words_of_spdx(
    said: str, expression: str
) -> None:
    found = of_source("something", machine_readable(said))

    assert found == Licence(expression, tuple(sorted({said, "GPL-2+"})))


def test_a_licence_without_a_name_in_spdx_is_not_guessed() -> None:
    with pytest.raises(BuildError, match="'beerware-ish' has no SPDX name"):
        of_source("something", machine_readable("Expat and Beerware-ish"))


def test_prose_is_not_guessed_either() -> None:
    with pytest.raises(BuildError, match="the copyright file of something does not say"):
        of_source("something", "This package was put together by hand.\n\nLicense: MIT\n")


@pytest.mark.parametrize(
    ("source", "expression"),
    [
        ("python3.13", "Python-2.0.1"),
        ("gcc-14", "GPL-3.0-or-later WITH GCC-exception-3.1"),
        ("gcc-14-cross-ports", "GPL-3.0-or-later WITH GCC-exception-3.1"),
        ("sqlite3", "blessing"),
    ],
)
def test_somebody_read_what_is_written_in_prose(source: str, expression: str) -> None:
    assert of_source(source, "prose").expression == expression


def test_a_row_holds_for_the_whole_name_of_a_package() -> None:
    with pytest.raises(BuildError, match="sqlite3-tools"):
        of_source("sqlite3-tools", "prose")


def test_every_row_is_an_spdx_expression() -> None:
    assert [checked(each, "row") for each in BY_SOURCE.values()] == list(BY_SOURCE.values())


def test_a_licence_that_spdx_does_not_have_goes_by_a_name_that_says_so() -> None:
    assert checked("LicenseRef-Microsoft-Runtime", "it") == "LicenseRef-Microsoft-Runtime"


def test_what_a_package_says_of_itself_must_be_one_too() -> None:
    with pytest.raises(BuildError, match="'Apache Software License' is no SPDX"):
        checked("Apache Software License", "something")
