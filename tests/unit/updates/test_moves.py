"""updates.moves among threads: no move sees half of another's, and nobody sweeps one away."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from reagent.updates import commit, moves
from reagent.updates.ledger import Ledger
from reagent.updates.state import State
from tests.fakes.files import FakeFiles

FOLDER, DOWNLOADS = "/opt/reagent", "/opt/reagent/downloads"
OWN = "reagent-v1.4.0"
# Who is kept waiting has no event for that; who is not is through in a moment.
MOMENT_S, WITHIN_S = 0.05, 30.0


@pytest.fixture
def files() -> FakeFiles:
    made = FakeFiles()
    for folder in (FOLDER, DOWNLOADS):
        made.folder(folder)
    made.file(f"{FOLDER}/{OWN}")
    for name in ("Reagent-active", "Reagent-previous"):
        made.link(f"{FOLDER}/{name}", f"{FOLDER}/{OWN}")
    return made


def amid(files: FakeFiles, work: Callable[[], object], other: Callable[[], object]) -> None:
    """Do something, and the other thing in another thread, begun after its first step."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            other()
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=guarded)

    def begin() -> None:
        if any(path.endswith(".tmp") for path in files.names):
            files.after_each = None
            thread.start()
            thread.join(MOMENT_S)

    files.after_each = begin
    work()
    thread.join(WITHIN_S)

    assert not thread.is_alive()
    assert failed == []


@pytest.mark.parametrize("folder", [FOLDER, DOWNLOADS])
def test_who_tidies_up_takes_nothing_away_that_is_just_being_put(
    files: FakeFiles, folder: str
) -> None:
    ledger = Ledger(files, FOLDER)
    ledger.in_use.add("state")

    amid(
        files,
        lambda: moves.put(files, f"{folder}/state", b"new"),
        lambda: commit.tidy(files, FOLDER, ledger, own=OWN),
    )

    assert files.read(f"{folder}/state", 9) == b"new"


def test_who_tidies_up_takes_no_link_away_that_is_just_being_made(files: FakeFiles) -> None:
    ledger = Ledger(files, FOLDER)

    amid(
        files,
        lambda: moves.link(files, f"{FOLDER}/reagent-latest", f"{FOLDER}/{OWN}"),
        lambda: commit.tidy(files, FOLDER, ledger, own=OWN),
    )

    assert files.readlink(f"{FOLDER}/reagent-latest") == f"{FOLDER}/{OWN}"


def test_two_files_that_are_put_at_once_have_their_own_content_each(files: FakeFiles) -> None:
    ledger = Ledger(files, FOLDER)

    amid(
        files,
        lambda: moves.put(files, f"{FOLDER}/trust.json", b"verified"),
        lambda: ledger.put(State(floor="1.4.0")),
    )

    assert files.read(f"{FOLDER}/trust.json", 99) == b"verified"
    assert Ledger(files, FOLDER).state.floor == "1.4.0"
    assert moves.TEMPORARY.isdisjoint(files.list(FOLDER))
