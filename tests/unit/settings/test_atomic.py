"""reagent.settings.atomic: the old file or the new one, never a piece, and nothing left beside it."""

import os
import stat
from pathlib import Path

import pytest

from reagent.settings import atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_content_is_there_whole_and_private(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old and longer than the new one")
    target.chmod(0o777)

    atomic.replace(str(target), b"new")

    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(tmp_path) == ["file"]


def test_a_new_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        atomic.replace(str(tmp_path / "file"), b"new")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_link_that_was_planted_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / atomic.TEMPORARY_NAME).symlink_to(victim)

    atomic.replace(str(tmp_path / "file"), b"new")

    assert victim.read_bytes() == b"precious"
    assert names(tmp_path) == ["file", "victim"]


def test_a_temporary_name_that_is_taken_for_good_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    (tmp_path / atomic.TEMPORARY_NAME).mkdir()

    with pytest.raises(FileExistsError):
        atomic.replace(str(target), b"new")

    assert target.read_bytes() == b"old"


def test_a_target_that_is_a_folder_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(IsADirectoryError):
        atomic.replace(str(tmp_path / "file"), b"new")

    assert names(tmp_path) == ["file"]


def test_writing_over_leaves_no_tail_of_what_was_longer(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old and longer than the new one")
    inode = target.stat().st_ino

    atomic.overwrite(str(target), b"new")

    assert target.read_bytes() == b"new"
    assert target.stat().st_ino == inode
