"""What differs between versions: made, tried, published beside the whole, signed for."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from reagent_release.deltas import bases, packed, unpacked
from reagent_release.errors import ReleaseError
from tests.pipeline.release_place import Repository
from tests.pipeline.signed_place import ROOT, SignedRepository

OLD = random.Random(1).randbytes(200_000)
NEW = OLD[:90_000] + b"two lines" + OLD[90_100:]
NAME = "linux/amd64/1.1.0/from-1.0.0.zst"


def test_a_delta_makes_the_new_file_and_is_small() -> None:
    delta = packed(OLD, NEW)

    assert unpacked(OLD, delta) == NEW
    assert len(delta) < 500


@pytest.mark.parametrize("spoiled", [b"", b"junk", packed(OLD, NEW)[:-3]])
def test_a_spoiled_delta_makes_nothing(spoiled: bytes) -> None:
    with pytest.raises(ReleaseError, match="nothing comes of a delta"):
        unpacked(OLD, spoiled)


def test_another_base_makes_another_file_or_nothing() -> None:
    try:
        made = unpacked(NEW, packed(OLD, NEW))
    except ReleaseError:
        made = b""

    assert made != NEW


def test_the_newest_versions_below_are_the_bases() -> None:
    known = ["1.0.0", "0.9.0", "1.2.0", "1.0.0", "0.8.0", "1.1.0", "junk", "1.1.0-rc1"]

    assert bases(known, "1.1.0") == ("1.1.0-rc1", "1.0.0", "0.9.0")


class Releases(Repository):
    """1.0.0 is rolled out, 1.1.0 is built; executables are as alike as they are."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.build(filler=OLD)
        assert self.run("publish") == 0
        assert self.run("rollout") == 0
        self.raise_version("1.1.0")
        self.build(filler=NEW)


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


def test_it_is_published_beside_the_whole_for_every_target(releases: Releases) -> None:
    assert releases.run("publish") == 0

    published = releases.published()
    whole = published["linux/amd64/1.1.0/reagent"]
    assert unpacked(published["linux/amd64/1.0.0/reagent"], published[NAME]) == whole
    assert "linux/armv7/1.1.0/from-1.0.0.zst" in published
    assert "windows/amd64/1.1.0/from-1.0.0.zst" in published


def test_publishing_again_makes_and_uploads_nothing(
    releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.run("publish")
    before = releases.published()

    status = releases.run("publish")

    assert (status, releases.published()) == (0, before)
    assert f"already there  {NAME}" in capsys.readouterr().out


def test_what_saves_too_little_is_left_out(releases: Releases) -> None:
    releases.build(filler=random.Random(2).randbytes(200_000))

    assert releases.run("publish") == 0

    assert NAME not in releases.published()


def test_a_published_delta_that_makes_another_file_is_noticed(
    releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.bucket.put(NAME, packed(OLD, OLD), replacing=0)

    status = releases.run("publish")

    assert status == 1
    assert "linux/amd64/1.1.0/reagent" not in releases.published()
    assert capsys.readouterr().err


def test_a_dry_run_publishes_no_delta(
    releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    before = releases.published()

    status = releases.run("publish", "--dry-run")

    assert (status, releases.published()) == (0, before)
    assert f"upload         {NAME}" in capsys.readouterr().out


def test_it_is_signed_for_with_what_it_starts_from(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    repository.build(filler=ROOT + OLD)
    repository.run("publish")
    repository.run("rollout")
    repository.raise_version("1.1.0")
    repository.build(filler=ROOT + NEW)

    assert repository.run("publish") == 0

    listed = repository.listed[NAME]
    assert listed.length == len(repository.published()[NAME])
    assert listed.custom == {
        "product": "reagent", "kind": "delta", "os": "linux", "arch": "amd64", "version": "1.1.0",
        "from": "1.0.0",
    }  # fmt: skip
    assert json.loads(repository.published()["availableVersions.json"])["production"] == "1.0.0"
