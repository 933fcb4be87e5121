from __future__ import annotations

from pathlib import Path

import pytest

from reagent.api.firmware import Firmware, current_release, latest_release
from reagent.api.procedure import marks_of
from reagent.errors import Failed
from reagent.model.call import Answer, Call, Privilege

CURRENT = 'NAME="ReswarmOS"\nVERSION="v0.9.1-g1a2b3c-1693000000"\n'
LATEST = '{"name": "ReswarmOS", "version": "0.9.2", "buildtime": "1699000000"}'


def release(name: str = "", version: str = "", built: str = "") -> dict[str, str]:
    return {"Name": name, "Version": version, "BuildTime": built}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    current, latest = tmp_path / "os-release", tmp_path / "os-release-latest.json"
    current.write_text(CURRENT)
    latest.write_text(LATEST)
    return current, latest


async def asked(files: tuple[Path, Path]) -> Answer:
    return await Firmware(str(files[0]), str(files[1])).get_os_release(Call())


async def test_both_releases_are_told(files: tuple[Path, Path]) -> None:
    answer = await asked(files)

    assert answer == Answer(
        (
            {
                "currentRelease": release("ReswarmOS", "0.9.1", "1693000000"),
                "latestRelease": release("ReswarmOS", "0.9.2", "1699000000"),
            },
        )
    )


@pytest.mark.parametrize("missing", [0, 1])
async def test_without_one_of_the_files_the_answer_is_empty(
    files: tuple[Path, Path], missing: int
) -> None:
    files[missing].unlink()

    assert await asked(files) == Answer()


@pytest.mark.parametrize("broken", [0, 1])
async def test_a_file_that_cannot_be_read_is_an_error(
    files: tuple[Path, Path], broken: int
) -> None:
    files[broken].unlink()
    files[broken].mkdir()

    with pytest.raises(Failed, match="failed to read"):
        await asked(files)


@pytest.mark.parametrize(
    ("line", "version", "built"),
    [
        ("VERSION=v0.9.1-gabc-1693000000", "0.9.1", "1693000000"),
        ('VERSION="v0.9.1-gabc-1693000000"', "0.9.1", "1693000000"),
        ('VERSION="0.9.1-gabc-1693000000"', "0.9.1", "1693000000"),
        ("VERSION=vv1v-g-7", "1", "7"),
        ('VERSION="12 (bookworm)"', "", ""),
        ("VERSION=v1-2", "", ""),
        ("VERSION=v1-2-3-4", "", ""),
        ("VERSION=v1=2-g-3", "", ""),
        ("VERSION_ID=v1-g-3", "", ""),
        ("", "", ""),
    ],
)
def test_a_version_is_three_parts_or_nothing(line: str, version: str, built: str) -> None:
    assert current_release(f"{line}\n") == release("", version, built)


def test_one_pair_of_double_quotes_is_not_part_of_a_value() -> None:
    assert current_release('NAME=""a""')["Name"] == '"a"'
    assert current_release('NAME="')["Name"] == '"'
    assert current_release("NAME='a'")["Name"] == "'a'"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LATEST, release("ReswarmOS", "0.9.2", "1699000000")),
        ('{"version": "1.0", "buildtime": 1699000000}', release("", "1.0", "1699000000")),
        ('{"version": 1.5, "buildtime": 1699000000.0}', release("", "1.5", "1699000000")),
        ('{"version": null, "buildtime": true}', release()),
        ("{}", release()),
    ],
)
def test_the_newest_release_is_texts_whatever_the_file_has(
    text: str, found: dict[str, str]
) -> None:
    assert latest_release(text, "x") == found


@pytest.mark.parametrize("text", ["", "nope", "[]", "null", '{"version":', "[" * 100_000])
def test_what_is_no_object_is_an_error(text: str) -> None:
    with pytest.raises(Failed, match="failed to read x"):
        latest_release(text, "x")


def test_it_takes_the_privilege_to_read() -> None:
    (mark,) = marks_of(Firmware)

    assert (mark.suffix, mark.needs) == ("get_os_release", Privilege.READ)
