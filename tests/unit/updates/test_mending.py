"""updates.mending: links that name nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from reagent.adapters.posix.updatefiles import PosixFiles
from reagent.errors import Refused
from reagent.updates.links import Links, look
from reagent.updates.mending import mend, plan
from reagent.updates.state import Committed, State, Trial
from reagent.updates.vocabulary import ARRIVAL

FILES = PosixFiles()
NOW = 1_900_000_000.0
OLD, NEW = "reagent-v1.4.0", "reagent-v1.5.0"


class Folder:
    """A folder with versions, and links that a test sets."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def version(self, name: str) -> str:
        """Put a version there; returns its digest."""
        (self.path / name).write_bytes(name.encode())
        return hashlib.sha256(name.encode()).hexdigest()

    def link(self, name: str, file: str) -> None:
        (self.path / f"Reagent-{name}").symlink_to(self.path / file)

    def committed(self, file: str, content: str | None = None) -> State:
        digest = hashlib.sha256((content or file).encode()).hexdigest()
        version = file.removeprefix("reagent-v")
        return State(committed=Committed(file=file, version=version, sha256=digest, at=1.0))

    def mend(self, state: State) -> tuple[tuple[str, str], ...]:
        return mend(FILES, str(self.path), state, NOW)

    @property
    def links(self) -> Links:
        return look(FILES, str(self.path))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_is_in_order_is_left_alone(folder: Folder) -> None:
    folder.version(OLD)
    for name in ("active", "previous", "latest"):
        folder.link(name, OLD)

    assert folder.mend(State()) == ()


def test_the_version_that_was_committed_last_is_active_again(folder: Folder) -> None:
    folder.version(OLD)
    folder.version(NEW)
    folder.link("previous", OLD)

    mended = folder.mend(folder.committed(NEW))

    assert mended == (("Reagent-active", NEW), ("Reagent-latest", NEW))
    assert folder.links == Links(NEW, OLD, NEW)


def test_a_committed_file_that_was_changed_since_is_not_taken(folder: Folder) -> None:
    folder.version(OLD)
    folder.version(NEW)
    folder.link("previous", OLD)

    folder.mend(folder.committed(NEW, content="what it was"))

    assert folder.links.active == OLD


def test_a_version_that_is_blocked_is_not_taken(folder: Folder) -> None:
    folder.version(OLD)
    digest = folder.version(NEW)
    folder.link("previous", OLD)

    folder.mend(folder.committed(NEW).with_blocked(digest, "1.5.0", "failed"))

    assert folder.links == Links(OLD, OLD, OLD)


def test_the_factory_s_file_is_the_last_resort(folder: Folder) -> None:
    folder.version("reagent-latest")
    folder.link("active", "reagent-v9.9.9")

    folder.mend(State())

    assert folder.links.active == "reagent-latest"


def test_a_file_that_is_merely_there_is_never_taken(folder: Folder) -> None:
    folder.version(NEW)

    with pytest.raises(Refused, match="no version that was proven here is left"):
        plan(FILES, str(folder.path), State())

    assert folder.links == Links()


def test_active_goes_first(folder: Folder) -> None:
    folder.version(OLD)

    names = [name for name, _ in plan(FILES, str(folder.path), folder.committed(OLD))]

    assert names == ["Reagent-active", "Reagent-previous", "Reagent-latest"]


def test_what_latest_names_is_the_newest_file(folder: Folder) -> None:
    for version in (OLD, NEW):
        folder.version(version)
    os.utime(folder.path / OLD, (1.0, 1.0))
    folder.link("active", OLD)
    folder.link("previous", OLD)
    folder.link("latest", NEW)

    folder.mend(State())

    assert folder.links.latest == OLD
    assert (folder.path / OLD).stat().st_mtime > (folder.path / NEW).stat().st_mtime


class UpTo2038(PosixFiles):
    """A file system with inodes of 128 bytes."""

    def utime(self, path: str, seconds: float) -> None:
        super().utime(path, min(seconds, 2.0**31 - 1))


def test_where_dates_end_what_latest_names_is_the_newest_file_all_the_same(
    folder: Folder,
) -> None:
    for version in (OLD, NEW):
        folder.version(version)
    os.utime(folder.path / NEW, (2.0**31 - 1,) * 2)
    for name in ("active", "previous"):
        folder.link(name, OLD)
    folder.link("latest", NEW)

    mend(UpTo2038(), str(folder.path), State(), 4_000_000_000.0)

    assert (folder.path / OLD).stat().st_mtime > (folder.path / NEW).stat().st_mtime


def test_links_of_a_version_that_gave_way_to_the_one_before_are_left_alone(
    folder: Folder,
) -> None:
    digest = folder.version(NEW)
    folder.version("reagent-before")
    folder.link("active", "reagent-before")
    folder.link("previous", NEW)
    folder.link("latest", NEW)
    gone = Trial(
        file=NEW, version="1.5.0", sha256=digest, size=1, kind=ARRIVAL, back="reagent-before"
    )

    mended = folder.mend(State(trial=gone).with_blocked(digest, "1.5.0", "failed here"))

    assert mended == ()
