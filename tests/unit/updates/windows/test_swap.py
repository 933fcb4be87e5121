"""updates.windows: the rows of docs/contract/system.md 10.8 about `reagent.exe` and its marker."""

from __future__ import annotations

import errno
import itertools
from dataclasses import dataclass, field

import pytest

from reagent.updates.windows.marker import Marker, MarkerFile, Phase, decode, encode
from reagent.updates.windows.swap import Place, Start, at_start, healthy
from tests.fakes.files import FakeFiles, PowerCut

FOLDER = "C:/ProgramData/IronFlock/Reagent"
ACTIVE, PREVIOUS = f"{FOLDER}/reagent.exe", f"{FOLDER}/reagent-prev.exe"
DOWNLOAD, QUARANTINE = f"{FOLDER}/reagent-v2.0.0.exe", f"{FOLDER}/reagent-failed-v2.0.0.exe"
STATE = f"{FOLDER}/update-state.json"
NOW = "2026-11-26T01:02:03Z"


class Disk(FakeFiles):
    """One that refuses to rename certain files to certain names."""

    def rename(self, path: str, to: str) -> None:
        if (path, to) in refused:
            raise PermissionError(errno.EACCES, "it is in use", path)
        super().rename(path, to)


refused: set[tuple[str, str]] = set()


def downloaded() -> FakeFiles:
    files = Disk()
    files.folder(FOLDER)
    files.file(ACTIVE, b"old")
    files.file(DOWNLOAD, b"new")
    return files


@dataclass
class Folder:
    """The agent's folder with `reagent.exe` 1.0.0 in it, and a download of 2.0.0."""

    files: FakeFiles = field(default_factory=downloaded)

    def place(self) -> Place:
        return Place(files=self.files, folder=FOLDER, marker=self.file)

    @property
    def file(self) -> MarkerFile:
        return MarkerFile(self.files, FOLDER, lambda: NOW)

    @property
    def marker(self) -> Marker | None:
        return self.file.read()

    def mark(self, phase: Phase, attempts: int = 0) -> None:
        self.file.put(marker(phase, attempts))

    def swapped(self) -> None:
        """What an agent of the field does, and leaves (docs/contract/system.md 5.3)."""
        self.mark(Phase.SWAPPING)
        self.files.rename(ACTIVE, PREVIOUS)
        self.files.rename(DOWNLOAD, ACTIVE)
        self.mark(Phase.PROBATION)

    def repaired(self) -> str:
        """The version that runs, after `repair.cmd` where there is nothing to run."""
        if ACTIVE not in self.files.names:
            found = PREVIOUS if PREVIOUS in self.files.names else DOWNLOAD
            self.files.rename(found, ACTIVE)
        return "1.0.0" if self.content(ACTIVE) == b"old" else "2.0.0"

    @property
    def phase(self) -> Phase | None:
        return None if self.marker is None else self.marker.phase

    def content(self, path: str) -> bytes:
        return self.files.names[path].content

    def names(self) -> set[str]:
        return {path.rpartition("/")[2] for path in self.files.names if path != FOLDER}


def marker(phase: Phase, attempts: int = 0) -> Marker:
    return Marker(phase=phase, new="2.0.0", old="1.0.0", attempts=attempts)


@pytest.fixture
def folder() -> Folder:
    refused.clear()
    return Folder()


# --- what the field leaves us


def test_wherever_its_swap_is_cut_there_is_something_to_start() -> None:
    found: set[tuple[Start, Phase | None]] = set()
    for operations in itertools.count():
        folder = Folder()
        folder.files.cut_at(operations)
        whole = True
        try:
            folder.swapped()
        except PowerCut:
            whole = False
        for world in folder.files.worlds():
            after = Folder(files=world)
            running = after.repaired()
            found.add((at_start(after.place(), running), after.phase))
        if whole:
            break

    assert found == {
        (Start.GO_ON, None),  # the old one, or the new one before it was marked
        (Start.GO_ON, Phase.PROBATION),  # the new one
        (Start.GO_ON, Phase.ROLLED_BACK),
    }


# --- starts


def test_a_start_without_a_marker_goes_on(folder: Folder) -> None:
    assert at_start(folder.place(), "1.0.0") is Start.GO_ON
    assert folder.marker is None


def test_a_swap_that_was_cut_is_forgotten(folder: Folder) -> None:
    folder.mark(Phase.SWAPPING)

    assert at_start(folder.place(), "1.0.0") is Start.GO_ON
    assert folder.marker is None


@pytest.mark.parametrize("before", [0, 1, 2])
def test_starts_on_probation_are_counted(folder: Folder, before: int) -> None:
    folder.swapped()
    folder.mark(Phase.PROBATION, before)

    assert at_start(folder.place(), "2.0.0") is Start.GO_ON
    assert folder.marker == marker(Phase.PROBATION, before + 1)
    assert folder.content(ACTIVE) == b"new"


def test_the_fourth_start_puts_the_one_before_back_and_blocks_that_version_alone(
    folder: Folder,
) -> None:
    folder.swapped()
    folder.mark(Phase.PROBATION, 3)

    assert at_start(folder.place(), "2.0.0") is Start.GIVE_WAY

    assert (folder.content(ACTIVE), folder.content(QUARANTINE)) == (b"old", b"new")
    assert "reagent-prev.exe" not in folder.names()
    assert folder.marker is not None
    assert (folder.marker.phase, folder.marker.new) == (Phase.ROLLED_BACK, "2.0.0")
    assert at_start(folder.place(), "1.0.0") is Start.GO_ON
    assert folder.marker.phase is Phase.ROLLED_BACK


def test_the_old_one_found_running_on_probation_blocks_the_new_one(folder: Folder) -> None:
    folder.mark(Phase.PROBATION, 1)

    assert at_start(folder.place(), "1.0.0") is Start.GO_ON
    assert folder.marker == marker(Phase.ROLLED_BACK, 1)


def test_a_version_that_the_marker_does_not_know_clears_it(folder: Folder) -> None:
    folder.mark(Phase.PROBATION, 1)

    assert at_start(folder.place(), "3.0.0") is Start.GO_ON
    assert folder.marker is None


def test_where_the_new_one_cannot_be_taken_away_it_stays_on_probation(folder: Folder) -> None:
    folder.swapped()
    folder.mark(Phase.PROBATION, 3)
    refused.add((ACTIVE, QUARANTINE))

    assert at_start(folder.place(), "2.0.0") is Start.GO_ON
    assert (folder.content(ACTIVE), folder.marker) == (b"new", marker(Phase.PROBATION, 3))


def test_where_the_old_one_cannot_be_put_back_the_place_is_not_left_empty(folder: Folder) -> None:
    folder.swapped()
    folder.mark(Phase.PROBATION, 3)
    refused.add((PREVIOUS, ACTIVE))

    assert at_start(folder.place(), "2.0.0") is Start.GO_ON
    assert folder.content(ACTIVE) == b"new"


def test_without_a_version_before_the_new_one_stays(folder: Folder) -> None:
    folder.swapped()
    folder.files.unlink(PREVIOUS)
    folder.mark(Phase.PROBATION, 3)

    assert at_start(folder.place(), "2.0.0") is Start.GO_ON
    assert folder.content(ACTIVE) == b"new"


def test_a_start_that_cannot_be_counted_is_a_start(folder: Folder) -> None:
    folder.swapped()
    folder.mark(Phase.PROBATION, 1)
    folder.files.fail("create", errno.ENOSPC)

    assert at_start(folder.place(), "2.0.0") is Start.GO_ON
    assert folder.marker == marker(Phase.PROBATION, 1)


def test_a_way_back_that_cannot_be_written_down_is_gone_all_the_same(folder: Folder) -> None:
    folder.swapped()
    folder.mark(Phase.PROBATION, 3)
    folder.files.fail("create", errno.ENOSPC)

    assert at_start(folder.place(), "2.0.0") is Start.GIVE_WAY
    assert folder.content(ACTIVE) == b"old"
    folder.files.fail("create", 0)
    at_start(folder.place(), "1.0.0")
    assert folder.marker == marker(Phase.ROLLED_BACK, 3)


# --- a start that holds, and markers that nobody can read


def test_two_minutes_end_the_probation_and_no_block(folder: Folder) -> None:
    folder.mark(Phase.PROBATION, 2)
    healthy(folder.place())
    assert folder.marker is None

    folder.mark(Phase.ROLLED_BACK)
    healthy(folder.place())
    assert folder.marker == marker(Phase.ROLLED_BACK)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"phase": "done", "new_version": "2"}',
        b'{"phase": "probation"}', b'{"phase": "probation", "new_version": "2", "attempts": "x"}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_marker_that_cannot_be_read_is_none(folder: Folder, content: bytes) -> None:
    folder.files.file(STATE, content)

    assert folder.marker is None
    assert at_start(folder.place(), "2.0.0") is Start.GO_ON


@pytest.mark.parametrize("phase", Phase)
def test_what_is_written_is_read(phase: Phase) -> None:
    assert decode(encode(marker(phase, 2), NOW)) == marker(phase, 2)
