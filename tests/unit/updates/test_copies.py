"""What a copy of the agent leaves in a folder: it stages, nobody tries, and the disk stays free."""

from __future__ import annotations

import errno

import pytest

from reagent.updates.commit import tidy_copy
from reagent.updates.intact import OLDEST
from reagent.updates.ledger import Ledger
from reagent.updates.state import Committed, State
from tests.fakes.files import FakeFiles
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER


@pytest.fixture
def files() -> FakeFiles:
    """A folder in which a copy staged twelve versions, one after the other."""
    files = FakeFiles()
    for folder in ("/opt", FOLDER, f"{FOLDER}/downloads"):
        files.folder(folder)
    for minor in range(12):
        staged(files, f"1.{minor}.0")
    return files


def staged(files: FakeFiles, version: str) -> None:
    files.file(f"{FOLDER}/reagent-v{version}", life.body(version, "good"), mtime=OLDEST)


def tidied(files: FakeFiles, own: str = "") -> set[str]:
    """What is left after it."""
    tidy_copy(files, FOLDER, Ledger(files, FOLDER), own=own)
    return set(files.list(FOLDER)) - {"downloads"}


def test_of_what_was_staged_the_newest_stays(files: FakeFiles) -> None:
    assert tidied(files) == {"reagent-v1.11.0"}


def test_what_a_copy_stages_is_what_it_tidies() -> None:
    seat = life.flashed().seat("", "boot")
    for version in ("1.5.0", "1.6.0", "1.7.0-rc.1"):
        life.put_into_place(seat, version, life.body(version, "good"))

    gone = tidy_copy(seat.files, FOLDER, Ledger(seat.files, FOLDER), own="")

    assert gone == ("reagent-v1.5.0", "reagent-v1.6.0")
    assert "reagent-v1.4.0" in seat.files.list(FOLDER)


@pytest.mark.parametrize(
    "name",
    ["reagent-latest", "reagent-v1.2", "reagent-v1.2.0.bak", "reagent-v01.2.x", "notes", "Reagent"],
)
def test_what_is_named_otherwise_is_left_alone(files: FakeFiles, name: str) -> None:
    files.file(f"{FOLDER}/{name}", mtime=OLDEST)

    assert tidied(files) == {"reagent-v1.11.0", name}


def test_what_was_proven_or_put_there_by_hand_is_left_alone(files: FakeFiles) -> None:
    files.file(f"{FOLDER}/reagent-v1.0.0", mtime=1_700_000_000.0)
    files.file(f"{FOLDER}/reagent-v0.20.20", mtime=0.0)

    assert tidied(files) == {"reagent-v1.11.0", "reagent-v1.0.0", "reagent-v0.20.20"}


def test_what_any_link_names_stays_and_so_does_our_own_file(files: FakeFiles) -> None:
    files.link(f"{FOLDER}/agent", f"{FOLDER}/reagent-v1.3.0")
    files.link(f"{FOLDER}/Reagent-previous", "reagent-v1.4.0")

    left = tidied(files, own="reagent-v1.5.0")

    assert {name for name in left if name.startswith("reagent-v")} == {
        "reagent-v1.3.0",
        "reagent-v1.4.0",
        "reagent-v1.5.0",
        "reagent-v1.11.0",
    }


def test_a_folder_that_names_nothing_for_sure_is_left_alone(files: FakeFiles) -> None:
    files.link(f"{FOLDER}/agent", f"{FOLDER}/reagent-v1.3.0")
    broken = Unreadable(names=files.names, safe=files.safe)

    assert len(tidied(broken)) == 13


class Unreadable(FakeFiles):
    """A disk whose links cannot be read."""

    def readlink(self, path: str) -> str:
        raise OSError(errno.EIO, "Input/output error", path)


@pytest.mark.parametrize("content", [b"\0" * 40, b'{"format": 9}'])
def test_nothing_goes_where_the_state_cannot_be_read(files: FakeFiles, content: bytes) -> None:
    files.file(f"{FOLDER}/updates.json", content)

    assert len(tidied(files)) == 13


def test_nothing_goes_while_another_process_tries_something_there(files: FakeFiles) -> None:
    ours = Ledger(files, FOLDER)
    assert ours.state.trial is None
    Ledger(files, FOLDER).put(State(trial=life.trial_of("1.3.0", b"")))

    assert tidy_copy(files, FOLDER, ours, own="") == ()


def test_what_another_process_committed_there_stays(files: FakeFiles) -> None:
    mark = Committed(file="reagent-v1.3.0", version="1.3.0", sha256="0" * 64, at=0.0)
    Ledger(files, FOLDER).put(State(committed=mark))

    assert tidied(files) == {"updates.json", "reagent-v1.3.0", "reagent-v1.11.0"}


def test_what_is_being_made_stays(files: FakeFiles) -> None:
    ledger = Ledger(files, FOLDER)
    ledger.in_use.add("reagent-v1.3.0")

    tidy_copy(files, FOLDER, ledger, own="")

    assert {"reagent-v1.3.0", "reagent-v1.11.0"} <= set(files.list(FOLDER))
