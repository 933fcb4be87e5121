"""Executables for darwin are judged by reading them: nothing that builds them can run them."""

from dataclasses import replace

import pytest

from reagent_build.darwin_checks import faults
from reagent_build.macho import Import, MachoError, read
from tests.pipeline.macho_maker import PAGE, Recipe, made

GOOD = Recipe()


def judged(recipe: Recipe, arch: str = "arm64") -> list[str]:
    return faults(made(recipe), arch, recipe.payload)


def test_what_a_build_should_make_is_found_without_fault() -> None:
    assert judged(GOOD) == []


def test_one_for_intel_needs_no_signature() -> None:
    assert judged(replace(GOOD, cpu=0x01000007, signed=False), "amd64") == []


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (replace(GOOD, cpu=0x01000007), "it is for amd64, not arm64"),
        (replace(GOOD, platform=2), "it is not for macOS"),
        (replace(GOOD, oldest=(13, 0)), "it wants macOS 13.0"),
        (replace(GOOD, flags=0x85), "it has an address of its own"),
        (replace(GOOD, section="__elsewhere"), "it has no payload"),
        (replace(GOOD, signed=False), "it is not signed"),
        (replace(GOOD, libraries=()), "it does not even want libSystem"),
    ],
)
def test_what_it_should_not_be_is_said(recipe: Recipe, said: str) -> None:
    assert said in judged(recipe)


def test_a_library_that_is_not_the_systems_is_named() -> None:
    recipe = replace(GOOD, libraries=(*GOOD.libraries, "/opt/homebrew/lib/libssl.3.dylib"))

    assert judged(recipe) == ["it wants /opt/homebrew/lib/libssl.3.dylib"]


def test_a_symbol_that_no_library_is_named_for_is_a_fault() -> None:
    recipe = replace(GOOD, imports=(("_lost", 254, False),))

    assert judged(recipe) == ["nobody has to have _lost"]


def test_another_payload_is_a_fault() -> None:
    found = faults(made(GOOD), "arm64", b"x" + GOOD.payload[1:])

    assert found == ["its payload is not what was put into it"]


def test_a_payload_that_was_cut_off_is_a_fault() -> None:
    found = faults(made(GOOD), "arm64", GOOD.payload + b"more")

    assert found == ["its payload is not what was put into it"]


def test_a_byte_that_changed_after_signing_is_found() -> None:
    content = bytearray(made(GOOD))
    content[PAGE + 5] ^= 1

    found = faults(bytes(content), "arm64", bytes(content[PAGE : PAGE + len(GOOD.payload)]))

    assert found == ["page 1 is not what was signed"]


def test_what_was_appended_after_signing_is_found() -> None:
    assert judged(replace(GOOD, behind=b"PK")) == ["something stands behind its signature"]


def test_what_the_loader_has_to_find_is_read() -> None:
    assert read(made(GOOD)).imports == (
        Import("_getpid", 1, weak=False),
        Import("_new", 1, weak=True),
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7fELF" + bytes(200), made(replace(GOOD, main=False)), made(GOOD)[: PAGE + 100]],
    ids=["empty", "ELF", "no main function", "cut off"],
)
def test_what_is_no_executable_is_refused(content: bytes) -> None:
    with pytest.raises(MachoError):
        read(content)

    assert faults(content, "arm64", b"") != []
