"""reagent_release.built: a file is looked at before it is published for ever."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reagent_build.checksum import sidecar
from reagent_build.sbom_facts import objects_of
from reagent_build.sbom_papers import bill_of, notices_of
from reagent_build.targets import Target
from reagent_release.built import Built, NotBuilt, Unfit, ask, look
from tests.pipeline.macho_maker import Recipe, made
from tests.pipeline.release_place import executable, leave

ARMV7 = Target("linux", "arm", "7")
AMD64 = Target("linux", "amd64")


def built(folder: Path, target: Target, content: bytes) -> Path:
    path = folder / target.file_name
    leave(path, content)
    return path


def never(path: Path, flag: str) -> str:
    raise AssertionError(f"{path} {flag} was run")


def test_an_executable_for_another_machine_is_read_never_run(tmp_path: Path) -> None:
    content = executable(ARMV7, "1.2.3")
    path = built(tmp_path, ARMV7, content)

    found = look(ARMV7, "1.2.3", tmp_path, AMD64, never)

    assert isinstance(found, Built)
    assert (found.path, found.size) == (path, len(content))
    assert sidecar(path).read_text() == f"{found.sha256}\n"


def test_an_executable_for_this_machine_is_asked_who_it_is(tmp_path: Path) -> None:
    path = built(tmp_path, AMD64, executable(AMD64, "something else"))
    asked: list[tuple[Path, str]] = []

    def answers(path: Path, flag: str) -> str:
        asked.append((path, flag))
        return {"-version": "1.2.3", "-arch": "amd64"}[flag]

    assert isinstance(look(AMD64, "1.2.3", tmp_path, AMD64, answers), Built)
    assert asked == [(path, "-version"), (path, "-arch")]


def test_what_is_not_there_is_not_built(tmp_path: Path) -> None:
    assert look(ARMV7, "1.2.3", tmp_path, None) == NotBuilt(ARMV7, tmp_path / "reagent-linux-armv7")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (executable(ARMV7, "1.2.2"), "is not of version 1.2.3"),
        (executable(AMD64, "1.2.3"), "is no executable for linux/arm/7"),
        (b"#!/bin/sh\necho 1.2.3\n", "is no executable for linux/arm/7"),
        (b"", "is no executable for linux/arm/7"),
    ],
)
def test_another_version_or_platform_is_unfit(tmp_path: Path, content: bytes, reason: str) -> None:
    path = built(tmp_path, ARMV7, content)

    assert look(ARMV7, "1.2.3", tmp_path, None) == Unfit(ARMV7, path, reason)


def test_an_executable_that_says_another_version_is_unfit(tmp_path: Path) -> None:
    path = built(tmp_path, AMD64, executable(AMD64, "1.2.3"))

    found = look(AMD64, "1.2.3", tmp_path, AMD64, lambda *_: "1.2.2")

    assert found == Unfit(AMD64, path, "says '1.2.2' to -version, not '1.2.3'")


def test_a_file_that_differs_from_its_checksum_is_unfit(tmp_path: Path) -> None:
    path = built(tmp_path, ARMV7, executable(ARMV7, "1.2.3"))
    path.write_bytes(path.read_bytes() + b"more")

    assert look(ARMV7, "1.2.3", tmp_path, None) == Unfit(
        ARMV7, path, "is not what its .sha256 says"
    )


def test_a_file_without_a_checksum_is_unfit(tmp_path: Path) -> None:
    path = built(tmp_path, ARMV7, executable(ARMV7, "1.2.3"))
    sidecar(path).unlink()

    assert look(ARMV7, "1.2.3", tmp_path, None) == Unfit(
        ARMV7, path, "has no readable .sha256 beside it"
    )


def test_an_executable_is_published_with_its_papers(tmp_path: Path) -> None:
    path = built(tmp_path, ARMV7, executable(ARMV7, "1.2.3"))

    found = look(ARMV7, "1.2.3", tmp_path, None)

    assert isinstance(found, Built)
    assert [(each.suffix, each.path) for each in found.papers] == [
        (".cdx.json", bill_of(path)),
        (".notices.txt", notices_of(path)),
        (".objects.tar.gz", objects_of(path)),
    ]


@pytest.mark.parametrize("place", [bill_of, notices_of, objects_of])
def test_without_one_of_its_papers_it_is_unfit(
    tmp_path: Path, place: Callable[[Path], Path]
) -> None:
    path = built(tmp_path, ARMV7, executable(ARMV7, "1.2.3"))
    place(path).unlink()

    found = look(ARMV7, "1.2.3", tmp_path, None)

    assert isinstance(found, Unfit)
    assert place(path).name in found.reason


def test_what_holds_no_c_library_of_ours_needs_nothing_to_be_linked_again(tmp_path: Path) -> None:
    path = tmp_path / AMD64.file_name
    leave(path, executable(AMD64, "1.2.3"), linked="python")

    assert isinstance(look(AMD64, "1.2.3", tmp_path, None), Built)


@pytest.mark.parametrize("bill", ["", "[]", "{}", '{"metadata": {"component": {"hashes": [7]}}}'])
def test_a_bill_that_is_none_is_as_good_as_missing(tmp_path: Path, bill: str) -> None:
    path = built(tmp_path, ARMV7, executable(ARMV7, "1.2.3"))
    bill_of(path).write_text(bill)

    assert look(ARMV7, "1.2.3", tmp_path, None) == Unfit(
        ARMV7, path, "has no readable reagent-linux-armv7.cdx.json beside it"
    )


def test_the_bill_of_another_executable_is_told_from_its_own(tmp_path: Path) -> None:
    path = built(tmp_path, ARMV7, executable(ARMV7, "1.2.3"))
    other = built(tmp_path, AMD64, executable(AMD64, "1.2.3"))
    bill_of(other).replace(bill_of(path))

    assert look(ARMV7, "1.2.3", tmp_path, None) == Unfit(
        ARMV7, path, "is not what reagent-linux-armv7.cdx.json is about"
    )


def test_one_for_windows_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    windows = Target("windows", "amd64")
    built(tmp_path, windows, b"MZ and an archive")

    assert isinstance(look(windows, "1.2.3", tmp_path, None), Built)


@pytest.mark.parametrize(
    "content",
    [
        made(Recipe(payload=b"1.2.3\n")),
        made(Recipe(section="__elsewhere", payload=b"packed")),
        b"\xca\xfe\xba\xbe and more",
    ],
    ids=["of zig", "of another freezer", "for several processors"],
)
def test_one_for_darwin_is_told_by_its_processor(tmp_path: Path, content: bytes) -> None:
    darwin = Target("darwin", "arm64")
    built(tmp_path, darwin, content)

    assert isinstance(look(darwin, "1.2.3", tmp_path, None), Built)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made(Recipe(cpu=0x01000007, payload=b"1.2.3\n")), "is no executable for darwin/arm64"),
        (b"\xcf\xfa\xed\xfe", "is no executable for darwin/arm64"),
        (made(Recipe(payload=b"1.2.2\n")), "is not of version 1.2.3"),
    ],
    ids=["other processor", "cut off", "older version"],
)
def test_another_one_for_darwin_is_unfit(tmp_path: Path, content: bytes, said: str) -> None:
    darwin = Target("darwin", "arm64")
    built(tmp_path, darwin, content)

    found = look(darwin, "1.2.3", tmp_path, None)

    assert isinstance(found, Unfit)
    assert found.reason == said


def test_what_cannot_be_run_says_so_instead_of_a_version(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF and nothing more")
    path.chmod(0o755)

    assert ask(path, "-version").startswith("nothing (")


def test_an_answer_is_what_the_program_prints(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_text('#!/bin/sh\necho "asked $1"\n')
    path.chmod(0o755)

    assert ask(path, "-arch") == "asked -arch"
