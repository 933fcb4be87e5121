"""reagent.resources: the data of the package, as a source tree has it."""

import pytest

from reagent import resources


def test_a_resource_is_read_by_its_name_within_the_package() -> None:
    version = resources.read("version.txt")

    assert version.strip().count(b".") == 2


def test_the_certificate_authorities_are_there_for_devices_that_have_none() -> None:
    assert b"BEGIN CERTIFICATE" in resources.read("cacert.pem")


@pytest.mark.parametrize(
    "name", ["nothing.txt", "../errors.py", "model/../version.txt", "/etc/passwd", ""]
)
def test_what_is_no_resource_is_a_key_error(name: str) -> None:
    with pytest.raises(KeyError):
        resources.read(name)


def test_names_are_data_alone_and_begin_as_asked() -> None:
    every = resources.names()

    assert "version.txt" in every
    assert [name for name in every if name.endswith((".py", ".pyc"))] == []
    assert resources.names("version") == ("version.txt",)


def test_every_name_can_be_read() -> None:
    assert all(resources.read(name) for name in resources.names())
