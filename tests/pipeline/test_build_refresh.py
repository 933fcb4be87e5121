"""reagent_build.refresh, sbom_changes: what is said about build images that were made anew."""

import json
from pathlib import Path

import pytest

from reagent_build.container import Docker
from reagent_build.images import common_tag
from reagent_build.refresh import main, refresh, report
from reagent_build.sbom_changes import Change, changes, versions
from reagent_build.targets import Target

OLD = {"libssl-dev": "3.5.8-1", "gcc": "14", "gone": "1"}
NEW = {"libssl-dev": "3.5.9-1", "gcc": "15", "new": "2"}


def test_every_other_version_is_a_change_and_the_same_one_is_none() -> None:
    assert [*map(str, changes(OLD | {"same": "1"}, NEW | {"same": "1"}))] == [
        "gcc 14 -> 15",
        "gone 1 is gone",
        "libssl-dev 3.5.8-1 -> 3.5.9-1",
        "new 2 is new",
    ]


def test_a_bill_of_materials_is_read_with_what_lies_inside_of_its_components(
    tmp_path: Path,
) -> None:
    bill = tmp_path / "bill.json"
    library = {"name": "libssl-dev", "version": "3.5.9-1"}
    source = {"name": "openssl", "version": "3.5.9-1", "components": [library]}
    bill.write_text(json.dumps({"components": [source]}))

    assert versions(bill) == {"openssl": "3.5.9-1", "libssl-dev": "3.5.9-1"}


@pytest.mark.parametrize("content", [None, "", "[]", '{"components": 7}', '{"components": [7]}'])
def test_a_bill_that_is_none_names_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "bill.json").write_text(content)

    assert versions(tmp_path / "bill.json") == {}


def test_what_is_in_executables_stands_before_what_only_builds_them() -> None:
    said = report("2026-10-01", "2026-11-25", changes(OLD, NEW), {"libssl-dev", "openssl"})

    assert said == [
        "the packages in the build images are of 2026-11-25, not of 2026-10-01 any more",
        "linked into executables: 1",
        "  libssl-dev 3.5.8-1 -> 3.5.9-1",
        "of the build alone: 3",
        "  gcc 14 -> 15",
        "  gone 1 is gone",
        "  new 2 is new",
        "build and release anew: what devices run holds the versions of before",
    ]


def test_where_nothing_changed_that_is_said() -> None:
    assert report("2026-11-24", "2026-11-25", (), {"libssl-dev"})[1:] == [
        "linked into executables: nothing",
        "of the build alone: nothing",
    ]


def test_without_a_bill_of_materials_nobody_knows_which_of_them_are_linked() -> None:
    said = report("2026-11-24", "2026-11-25", [Change("libssl-dev", "1", "2")], ())

    assert said[1:] == ["changed: 1", "  libssl-dev 1 -> 2"]


def test_the_first_images_have_nothing_to_be_compared_with() -> None:
    assert report("", "2026-11-25", changes({}, NEW), ()) == [
        "the build images are made, with the packages of 2026-11-25; there were none before"
    ]


class Engine(Docker):
    """An engine that holds images by name: their packages, and the day these are of."""

    def __init__(self) -> None:
        super().__init__(None)
        self.held: dict[str, tuple[str, str]] = {common_tag(): ("2026-10-01", "libssl-dev\t1\n")}
        self.fresh: list[bool] = []
        self.imported: list[str] = []

    def has_image(self, tag: str) -> bool:
        return tag in self.held

    def image_id(self, tag: str) -> str:
        return f"sha256:{self.held[tag]}"

    def label(self, tag: str, name: str) -> str:
        return self.held.get(tag, ("", ""))[0]

    def pull(self, tag: str) -> str | None:
        self.imported.append(tag)
        return None

    def build(
        self,
        context: Path,
        dockerfile: str,
        tag: str,
        arguments: object,
        *,
        fresh: bool = False,
    ) -> None:
        self.held[tag] = ("2026-11-25", "libssl-dev\t2\n")
        self.fresh.append(fresh)

    def filter(self, image: str, command: object, stdin: bytes) -> tuple[bytes, str]:
        return self.held[image][1].encode(), ""


class Quiet:
    """Says nothing."""

    def step(self, text: str) -> None: ...

    def say(self, text: str) -> None: ...


def test_base_common_image_and_each_architecture_once_are_made_anew(tmp_path: Path) -> None:
    engine = Engine()
    before = set(engine.held)

    said = refresh(
        engine,
        [Target("linux", "arm", "5"), Target("linux", "arm", "6"), Target("linux", "amd64")],
        tmp_path,
        Quiet(),
    )

    assert engine.imported == ["debian:trixie"]
    assert engine.fresh == [True, False, False]  # what all are made from; then amd64 and armel
    assert len(set(engine.held) - before) == 2
    assert "  libssl-dev 1 -> 2" in said


def test_what_cannot_be_built_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan9/amd64"]) == 2
    assert "plan9/amd64 cannot be built" in capsys.readouterr().err


def test_without_an_engine_there_is_nothing_to_make_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--engine", "unix:///nowhere/docker.sock"]) == 1
    assert "unix:///nowhere/docker.sock" in capsys.readouterr().err
