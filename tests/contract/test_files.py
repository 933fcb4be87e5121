"""contracts.files: what real disks and their fake all do."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reagent.adapters.posix.updatefiles import PosixFiles
from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.contracts.files import Files, Kind
from reagent.updates import moves
from tests.fakes.files import FakeFiles


@dataclass
class Disk:
    """One of them, and how a test puts things there."""

    files: Files
    root: str
    folder: Callable[[str], None]
    pipe: Callable[[str], None]


@pytest.fixture(params=["fake", "posix", "windows"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "fake":
        fake = FakeFiles()
        fake.folder("/root")
        return Disk(fake, "/root", fake.folder, fake.pipe)
    # What is for Windows is judged on this disk: its links, and what it does one step at a time.
    files = PosixFiles() if request.param == "posix" else WindowsFiles()
    return Disk(files, str(tmp_path), os.mkdir, os.mkfifo)


def have(disk: Disk, name: str, content: bytes = b"content", mode: int = 0o644) -> str:
    path = f"{disk.root}/{name}"
    new = disk.files.create(path, mode)
    new.write(content)
    new.fsync()
    new.close()
    return path


def number_of(call: Callable[[], object]) -> int:
    with pytest.raises(OSError) as raised:  # noqa: PT011 - its number is what counts
        call()
    return raised.value.errno or 0


def test_what_was_written_is_read_back(disk: Disk) -> None:
    path = have(disk, "a", b"one" * 1000, 0o755)

    found = disk.files.lstat(path)
    assert (found.kind, found.size, found.mode) == (Kind.FILE, 3000, 0o755)
    assert disk.files.read(path, 3000) == b"one" * 1000
    assert disk.files.sha256(path) == hashlib.sha256(b"one" * 1000).hexdigest()


def test_an_open_file_reads_back_changes_mode_and_time(disk: Disk) -> None:
    new = disk.files.create(f"{disk.root}/a", 0o600)
    new.write(b"0123")
    new.write(b"4567")
    new.chmod(0o755)
    new.utime(1.0)
    new.fsync()

    assert (new.size(), new.read(2, 4), new.read(6, 9), new.read(8, 1)) == (8, b"2345", b"67", b"")
    new.close()
    new.close()
    found = disk.files.lstat(f"{disk.root}/a")
    # On Windows who may run it is inherited from the folder.
    kept = 0o600 if isinstance(disk.files, WindowsFiles) else 0o755
    assert (found.mode, found.mtime) == (kept, 1.0)


def test_a_file_can_be_gone_on_with_at_its_end(disk: Disk) -> None:
    path = have(disk, "a", b"0123")

    again = disk.files.append(path)
    again.write(b"45")
    again.write(b"67")
    again.fsync()

    assert (again.size(), again.read(2, 4), again.read(6, 9)) == (8, b"2345", b"67")
    again.close()
    assert disk.files.read(path, 8) == b"01234567"


def test_only_a_file_that_is_there_can_be_gone_on_with(disk: Disk) -> None:
    path = have(disk, "a")
    disk.files.symlink(path, f"{disk.root}/l")
    disk.pipe(f"{disk.root}/p")
    disk.folder(f"{disk.root}/d")

    for name in ("l", "p", "d", "none"):
        assert number_of(lambda name=name: disk.files.append(f"{disk.root}/{name}"))  # type: ignore[misc]
    assert disk.files.read(path, 99) == b"content"


def test_a_file_that_is_there_is_not_made_again(disk: Disk) -> None:
    path = have(disk, "a")

    assert number_of(lambda: disk.files.create(path, 0o600)) == errno.EEXIST
    assert number_of(lambda: disk.files.symlink("/x", path)) == errno.EEXIST


def test_reading_follows_no_link_waits_for_no_pipe_and_reads_nothing_huge(disk: Disk) -> None:
    path = have(disk, "a", b"12345")
    disk.files.symlink(path, f"{disk.root}/l")
    disk.pipe(f"{disk.root}/p")
    disk.folder(f"{disk.root}/d")

    assert number_of(lambda: disk.files.read(path, 4)) == errno.EFBIG
    for name in ("l", "p", "d", "none"):
        assert number_of(lambda name=name: disk.files.read(f"{disk.root}/{name}", 99))  # type: ignore[misc]
        assert number_of(lambda name=name: disk.files.sha256(f"{disk.root}/{name}"))  # type: ignore[misc]


def test_each_kind_is_told_apart(disk: Disk) -> None:
    have(disk, "a")
    disk.files.symlink("/nowhere", f"{disk.root}/l")
    disk.pipe(f"{disk.root}/p")
    disk.folder(f"{disk.root}/d")

    kinds = [disk.files.lstat(f"{disk.root}/{name}").kind for name in "alpd"]
    assert kinds == [Kind.FILE, Kind.LINK, Kind.OTHER, Kind.FOLDER]
    assert disk.files.readlink(f"{disk.root}/l") == "/nowhere"
    assert sorted(disk.files.list(disk.root)) == ["a", "d", "l", "p"]
    assert number_of(lambda: disk.files.lstat(f"{disk.root}/none")) == errno.ENOENT
    assert number_of(lambda: disk.files.readlink(f"{disk.root}/a")) == errno.EINVAL


def test_a_rename_takes_the_place_of_files_and_links_but_of_no_folder(disk: Disk) -> None:
    one, two = have(disk, "a", b"1"), have(disk, "b", b"2")
    disk.folder(f"{disk.root}/d")

    disk.files.rename(one, two)

    assert disk.files.read(two, 9) == b"1"
    assert disk.files.list(disk.root).count("a") == 0
    assert number_of(lambda: disk.files.rename(two, f"{disk.root}/d")) == errno.EISDIR


def test_names_are_taken_away(disk: Disk) -> None:
    path = have(disk, "a")

    disk.files.unlink(path)

    assert disk.files.list(disk.root) == []
    assert number_of(lambda: disk.files.unlink(path)) == errno.ENOENT


def test_the_time_of_a_file_is_set_by_its_path(disk: Disk) -> None:
    path = have(disk, "a")

    disk.files.utime(path, 12345.0)
    disk.files.fsync(path)

    assert disk.files.lstat(path).mtime == 12345.0


def test_the_mode_of_a_file_is_set_by_its_path_and_of_nothing_else(disk: Disk) -> None:
    path = have(disk, "a", mode=0o600)
    disk.files.symlink(path, f"{disk.root}/l")
    disk.folder(f"{disk.root}/d")

    disk.files.chmod(path, 0o755)

    kept = 0o600 if isinstance(disk.files, WindowsFiles) else 0o755
    assert disk.files.lstat(path).mode == kept
    for name in ("l", "d", "none"):
        with pytest.raises(OSError):  # noqa: PT011 - that nothing happens is what counts
            disk.files.chmod(f"{disk.root}/{name}", 0o700)
    assert disk.files.lstat(path).mode == kept


def test_two_names_of_a_folder_are_one(disk: Disk) -> None:
    assert disk.files.lstat(f"{disk.root}/.").identity == disk.files.lstat(disk.root).identity
    assert disk.files.free(disk.root) > 0


def test_put_replaces_and_leaves_nothing_else(disk: Disk) -> None:
    path = f"{disk.root}/state"
    have(disk, moves.TEMPORARY_FILE, b"left by a cut")

    moves.put(disk.files, path, b"1")
    moves.put(disk.files, path, b"2")

    assert disk.files.read(path, 9) == b"2"
    assert disk.files.list(disk.root) == ["state"]


def test_put_onto_a_folder_fails_and_leaves_nothing(disk: Disk) -> None:
    disk.folder(f"{disk.root}/state")

    assert number_of(lambda: moves.put(disk.files, f"{disk.root}/state", b"1")) == errno.EISDIR
    assert disk.files.list(disk.root) == ["state"]


def test_link_replaces_a_link_a_file_and_what_a_cut_left(disk: Disk) -> None:
    have(disk, "L")
    disk.files.symlink("/old", f"{disk.root}/{moves.TEMPORARY_LINK}")

    moves.link(disk.files, f"{disk.root}/L", "/a")
    moves.link(disk.files, f"{disk.root}/L", "/b")

    assert disk.files.readlink(f"{disk.root}/L") == "/b"
    assert disk.files.list(disk.root) == ["L"]
