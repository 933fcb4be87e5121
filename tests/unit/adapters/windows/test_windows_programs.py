"""Programs and versions on Windows: jobs end whole, files get their names at one stroke."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from reagent.adapters.windows.processes import Job
from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.contracts.files import Kind
from reagent.updates.links import look, set_link
from reagent.updates.vocabulary import ACTIVE


class Jobs:
    """Notes what the kernel is told."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.told: list[tuple[object, ...]] = []
        self._refuses = refuses

    def make_job(self) -> int:
        if self._refuses:
            raise OSError("no jobs here")
        return 7

    def put_into_job(self, job: int, process: int, /) -> None:
        self.told.append(("into", job, process))

    def end_job(self, job: int, /) -> None:
        self.told.append(("end", job))

    def close(self, handle: int, /) -> None:
        self.told.append(("close", handle))


def test_a_program_ends_with_all_that_is_in_its_job() -> None:
    jobs = Jobs()
    job = Job(jobs)

    job.hold(4711)
    job.end(force=False)
    del job

    assert jobs.told == [("into", 7, 4711), ("end", 7), ("close", 7)]


def test_a_program_that_never_began_ends_nothing() -> None:
    jobs = Jobs(refuses=True)

    Job(jobs).end(force=True)

    assert jobs.told == []


def test_a_version_is_written_read_back_and_named(tmp_path: Path) -> None:
    files = WindowsFiles()
    draft, final = str(tmp_path / "draft.exe"), str(tmp_path / "reagent-v1.exe")

    file = files.create(draft, 0o600)
    file.write(b"MZ\r\n")
    file.write(b"\n")
    file.fsync()
    seen = (file.read(2, 10), file.size())
    file.write(b"!")
    file.utime(1.0)
    file.close()
    files.rename(draft, final)
    files.fsync(str(tmp_path))

    assert seen == (b"\r\n\n", 5)
    assert files.read(final, 100) == b"MZ\r\n\n!"
    assert files.list(str(tmp_path)) == ["reagent-v1.exe"]
    assert files.lstat(final).kind is Kind.FILE
    assert files.sha256(final).startswith("970fc494")
    assert files.free(str(tmp_path)) > 0


def test_a_name_in_use_is_given_to_the_newer_file(tmp_path: Path) -> None:
    files = WindowsFiles()
    (tmp_path / "old").write_text("old")
    (tmp_path / "new").write_text("new")

    files.rename(str(tmp_path / "new"), str(tmp_path / "old"))

    assert files.read(str(tmp_path / "old"), 10) == b"new"


def test_what_is_too_long_or_no_file_is_not_read(tmp_path: Path) -> None:
    files = WindowsFiles()
    (tmp_path / "long").write_bytes(bytes(11))

    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        files.read(str(tmp_path / "long"), 10)
    with pytest.raises(OSError, match="no regular file"):
        files.read(str(tmp_path), 10)


def test_a_link_is_a_small_file_that_names_another(tmp_path: Path) -> None:
    files, folder = WindowsFiles(), str(tmp_path)
    (tmp_path / "reagent-v1.exe").write_bytes(b"MZ")
    (tmp_path / "short").write_bytes(b"reagent link 1\n")
    (tmp_path / "other").write_bytes(b"reagent link 2\nreagent-v1.exe")

    set_link(files, folder, ACTIVE, "reagent-v1.exe")

    assert look(files, folder).active == "reagent-v1.exe"
    assert (
        tmp_path / ACTIVE
    ).read_bytes() == b"reagent link 1\n" + f"{folder}/reagent-v1.exe".encode()
    assert {files.lstat(f"{folder}/{name}").kind for name in ("short", "other")} == {Kind.FILE}
