"""updates.windows: the rows of docs/contract/system.md 10.8 about `reagent.exe` and its marker."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field

import pytest

from reagent.errors import Failed, Refused
from reagent.updates.windows.marker import Marker, MarkerFile, Phase, decode, encode
from reagent.updates.windows.swap import Place, Start, activate, at_start, healthy
from tests.fakes.files import FakeFiles

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


@dataclass
class Folder:
    """The agent's folder with `reagent.exe` 1.0.0 in it, and a download of 2.0.0."""

    files: Disk = field(default_factory=Disk)
    slept: list[float] = field(default_factory=list)
    says: str = "2.0.0\r\n"
    suspicion: str = ""

    def __post_init__(self) -> None:
        refused.clear()
        self.files.folder(FOLDER)
        self.files.file(ACTIVE, b"old")
        self.files.file(DOWNLOAD, b"new")

    def place(self, running: str = ACTIVE, *, enforced: bool = False) -> Place:
        return Place(
            files=self.files, folder=FOLDER, marker=self.file, running=running,
            says=lambda _: self.says, sleep=self.slept.append,
            suspicion=lambda _: self.suspicion, enforced=enforced,
        )  # fmt: skip

    @property
    def file(self) -> MarkerFile:
        return MarkerFile(self.files, FOLDER, lambda: NOW)

    @property
    def marker(self) -> Marker | None:
        return self.file.read()

    def mark(self, phase: Phase, attempts: int = 0) -> None:
        self.file.put(marker(phase, attempts))

    def swapped(self) -> None:
        """As it is in probation."""
        self.files.rename(ACTIVE, PREVIOUS)
        self.files.rename(DOWNLOAD, ACTIVE)

    def content(self, path: str) -> bytes:
        return self.files.names[path].content

    def names(self) -> set[str]:
        return {path.rpartition("/")[2] for path in self.files.names if path != FOLDER}


def marker(phase: Phase, attempts: int = 0) -> Marker:
    return Marker(phase=phase, new="2.0.0", old="1.0.0", attempts=attempts)


@pytest.fixture
def folder() -> Folder:
    return Folder()


# --- activation


def test_the_new_one_is_in_place_and_on_probation(folder: Folder) -> None:
    activate(folder.place(), "2.0.0", "1.0.0")

    assert (folder.content(ACTIVE), folder.content(PREVIOUS)) == (b"new", b"old")
    assert folder.names() == {"reagent.exe", "reagent-prev.exe", "update-state.json"}
    assert json.loads(folder.content(STATE)) == {
        "phase": "probation", "new_version": "2.0.0", "old_version": "1.0.0", "attempts": 0,
        "updated_at": NOW,
    }  # fmt: skip


def test_what_was_kept_from_an_earlier_time_is_replaced(folder: Folder) -> None:
    folder.files.file(PREVIOUS, b"stale")

    activate(folder.place(), "2.0.0", "1.0.0")

    assert folder.content(PREVIOUS) == b"old"


def test_the_path_of_the_process_is_compared_as_windows_compares(folder: Folder) -> None:
    activate(folder.place(ACTIVE.upper().replace("/", "\\")), "2.0.0", "1.0.0")

    assert folder.content(ACTIVE) == b"new"


def test_a_version_that_failed_here_is_refused_and_stays_blocked(folder: Folder) -> None:
    folder.mark(Phase.ROLLED_BACK)

    with pytest.raises(Refused, match="failed here before"):
        activate(folder.place(), "2.0.0", "1.0.0")

    assert folder.marker == marker(Phase.ROLLED_BACK)
    assert folder.content(ACTIVE) == b"old"


def test_a_newer_one_than_the_one_that_failed_is_taken(folder: Folder) -> None:
    folder.mark(Phase.ROLLED_BACK)
    folder.files.file(f"{FOLDER}/reagent-v2.0.1.exe", b"newer")
    folder.says = "2.0.1"

    activate(folder.place(), "2.0.1", "1.0.0")

    assert folder.content(ACTIVE) == b"newer"
    assert folder.marker == Marker(phase=Phase.PROBATION, new="2.0.1", old="1.0.0")


def test_a_block_of_another_version_is_cleared_even_by_one_that_is_refused(folder: Folder) -> None:
    folder.mark(Phase.ROLLED_BACK)

    with pytest.raises(Refused):
        activate(folder.place(), "2.0.1", "1.0.0")

    assert folder.marker is None


@pytest.mark.parametrize("running", ["C:/Temp/reagent.exe", f"{FOLDER}/reagent-v1.0.0.exe"])
def test_a_process_that_is_not_the_service_is_refused(folder: Folder, running: str) -> None:
    with pytest.raises(Refused, match="is not the service's"):
        activate(folder.place(running), "2.0.0", "1.0.0")

    assert folder.content(ACTIVE) == b"old"
    assert folder.marker is None


@pytest.mark.parametrize("wrong", ["missing", "empty", "version"])
def test_a_download_that_is_not_what_it_should_be_changes_nothing(
    folder: Folder, wrong: str
) -> None:
    if wrong == "missing":
        folder.files.unlink(DOWNLOAD)
    elif wrong == "empty":
        folder.files.file(DOWNLOAD, b"")
    else:
        folder.says = "1.9.9"

    with pytest.raises(Refused):
        activate(folder.place(), "2.0.0", "1.0.0")

    assert folder.content(ACTIVE) == b"old"
    assert folder.marker is None


def test_a_first_rename_that_fails_is_tried_five_times_and_leaves_all_as_it_was(
    folder: Folder,
) -> None:
    refused.add((ACTIVE, PREVIOUS))

    with pytest.raises(Failed, match="cannot be renamed: it is in use"):
        activate(folder.place(), "2.0.0", "1.0.0")

    assert folder.slept == [0.3] * 4
    assert (folder.content(ACTIVE), folder.marker) == (b"old", None)


def test_a_second_rename_that_fails_puts_the_old_one_back(folder: Folder) -> None:
    refused.add((DOWNLOAD, ACTIVE))

    with pytest.raises(Failed, match="cannot be put in place"):
        activate(folder.place(), "2.0.0", "1.0.0")

    assert (folder.content(ACTIVE), folder.marker) == (b"old", None)


def test_where_neither_can_be_put_in_place_the_marker_says_so(folder: Folder) -> None:
    refused.update({(DOWNLOAD, ACTIVE), (PREVIOUS, ACTIVE)})

    with pytest.raises(Failed, match="is missing"):
        activate(folder.place(), "2.0.0", "1.0.0")

    assert folder.names() == {"reagent-prev.exe", "reagent-v2.0.0.exe", "update-state.json"}
    assert folder.marker == marker(Phase.SWAPPING)


@pytest.mark.parametrize("enforced", [False, True])
def test_a_bad_signature_is_said_and_refused_where_that_is_enforced(
    folder: Folder, *, enforced: bool
) -> None:
    folder.suspicion = "nobody signed it"

    if enforced:
        with pytest.raises(Refused, match="nobody signed it"):
            activate(folder.place(enforced=True), "2.0.0", "1.0.0")
        assert (folder.content(ACTIVE), folder.marker) == (b"old", None)
    else:
        activate(folder.place(), "2.0.0", "1.0.0")
        assert folder.content(ACTIVE) == b"new"


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
