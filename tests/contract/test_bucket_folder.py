"""What only the embedded bucket shows: a folder that others may read at any moment."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from reagent_release.errors import Changed, StoreError
from reagent_release.folder import FolderBucket
from reagent_release.store import ABSENT

NAME = "linux/amd64/1.0.0/reagent"


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path, lock_s=0.2)


def test_an_object_is_a_file_of_its_name(bucket: FolderBucket, tmp_path: Path) -> None:
    bucket.put(NAME, b"content", replacing=ABSENT)

    assert (tmp_path / "re-agent" / NAME).read_bytes() == b"content"
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_the_generation_is_the_files_own_and_goes_up_when_the_clock_goes_back(
    tmp_path: Path,
) -> None:
    times = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    bucket = FolderBucket(tmp_path, now_ns=lambda: next(times))
    first = bucket.put(NAME, b"first", replacing=ABSENT)

    second = bucket.put(NAME, b"second", replacing=first.generation)

    assert second.generation > first.generation
    assert (tmp_path / "re-agent" / NAME).stat().st_mtime_ns == second.generation


def test_a_file_that_somebody_else_wrote_is_another_generation(
    bucket: FolderBucket, tmp_path: Path
) -> None:
    known = bucket.put(NAME, b"ours", replacing=ABSENT)
    (tmp_path / "re-agent" / NAME).write_bytes(b"by hand")

    with pytest.raises(Changed):
        bucket.put(NAME, b"ours again", replacing=known.generation)

    assert bucket.get(NAME)[1] == b"by hand"


def test_a_copy_holds_to_both_generations(bucket: FolderBucket) -> None:
    source = bucket.put(NAME, b"content", replacing=ABSENT)
    there = bucket.put("latest", b"old", replacing=ABSENT)

    with pytest.raises(Changed):
        bucket.copy(source, "latest", replacing=ABSENT)
    bucket.put(NAME, b"other", replacing=source.generation)
    with pytest.raises(Changed):
        bucket.copy(source, "latest", replacing=there.generation)

    assert bucket.get("latest")[1] == b"old"


def test_another_publisher_is_waited_for_and_then_named(
    bucket: FolderBucket, tmp_path: Path
) -> None:
    bucket.put(NAME, b"content", replacing=ABSENT)
    lock = os.open(tmp_path / ".lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)

    with pytest.raises(StoreError, match="another publisher"):
        bucket.put("version.txt", b"1.0.0\n", replacing=ABSENT)

    os.close(lock)
    bucket.put("version.txt", b"1.0.0\n", replacing=ABSENT)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a//b", "a/./b", "", "a/../../b"])
def test_a_name_never_leads_out_of_the_bucket(
    bucket: FolderBucket, tmp_path: Path, name: str
) -> None:
    with pytest.raises(StoreError, match="no name"):
        bucket.put(name, b"content", replacing=ABSENT)

    assert not (tmp_path / "outside").exists()


def test_a_write_that_fails_leaves_what_was_there(bucket: FolderBucket, tmp_path: Path) -> None:
    bucket.put("linux", b"a file where a folder should be", replacing=ABSENT)

    with pytest.raises(StoreError, match="was not written"):
        bucket.put(NAME, b"content", replacing=ABSENT)

    assert bucket.get("linux")[1] == b"a file where a folder should be"
    assert list((tmp_path / ".incoming").iterdir()) == []
