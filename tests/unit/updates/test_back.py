"""updates.back: the version that runs is given up, and runs on until another one is proven."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from reagent.errors import Refused
from reagent.updates import judge
from reagent.updates.back import roll_back, step_down
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role, Seat
from reagent.updates.vocabulary import ROLLBACK
from tests.fakes.files import FakeFiles
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER

OWN = life.body("1.4.0", "good")
BEFORE = life.body("1.3.0", "good")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def files() -> FakeFiles:
    """A device that took 1.4.0 after 1.3.0."""
    files = life.flashed().files
    files.file(f"{FOLDER}/reagent-v1.3.0", BEFORE)
    files.link(f"{FOLDER}/Reagent-previous", f"{FOLDER}/reagent-v1.3.0")
    return files


def seat_on(files: FakeFiles, role: Role = Role.PROVEN, own: str = "reagent-v1.4.0") -> Seat:
    ledger = Ledger(files, FOLDER)
    return Seat(role=role, folder=FOLDER, files=files, ledger=ledger, times=life.TIMES, own=own)


def test_going_back_is_a_trial_of_the_version_before(files: FakeFiles) -> None:
    seat = seat_on(files)

    before = roll_back(seat, "ordered")

    state = seat.ledger.state
    assert before == life.trial_of("1.3.0", BEFORE)
    assert state.trial == replace(before, kind=ROLLBACK)
    assert "ordered" in getattr(state.block_of(digest(OWN)), "why", "")


@pytest.mark.parametrize(
    ("previous", "own", "role", "why"),
    [
        ("reagent-v1.4.0", "reagent-v1.4.0", Role.PROVEN, "no version before 1.4.0 here"),
        ("reagent-v1.2.0", "reagent-v1.4.0", Role.PROVEN, "Reagent-previous names nothing"),
        ("reagent-v1.3.0", "", Role.PROVEN, "Reagent-active names nothing .* repair mends it"),
        ("reagent-v1.3.0", "", Role.COPY, "was not started as Reagent-active"),
    ],
)
def test_where_there_is_no_way_back_nothing_is_given_up(
    files: FakeFiles, previous: str, own: str, role: Role, why: str
) -> None:
    files.link(f"{FOLDER}/Reagent-previous", f"{FOLDER}/{previous}")

    with pytest.raises(Refused, match=why):
        roll_back(seat_on(files, role, own), "ordered")

    assert "updates.json" not in files.list(FOLDER)


def test_nobody_goes_back_to_what_is_blocked_and_the_version_that_runs_stays_wanted(
    files: FakeFiles,
) -> None:
    seat = seat_on(files)
    seat.ledger.change(lambda state: judge.blocked(state, digest(BEFORE), "1.3.0", "failed"))

    with pytest.raises(Refused, match=r"1\.3\.0 is blocked here: failed .*unblock 1\.3\.0"):
        roll_back(seat, "ordered")

    assert seat.ledger.state.trial is None
    assert seat.ledger.state.block_of(digest(OWN)) is None


def test_nobody_goes_back_to_the_same_bytes(files: FakeFiles) -> None:
    files.file(f"{FOLDER}/reagent-v1.3.0", OWN)
    seat = seat_on(files)

    with pytest.raises(Refused, match="byte by byte"):
        roll_back(seat, "ordered")

    assert seat.ledger.state.block_of(digest(OWN)) is None


def test_an_older_version_that_was_brought_is_tried_and_the_one_that_runs_given_up(
    files: FakeFiles,
) -> None:
    seat = seat_on(files)
    brought = life.trial_of("1.3.0", BEFORE)

    assert step_down(seat, brought, "brought")

    state = seat.ledger.state
    assert state.trial is not None
    assert (state.trial.version, state.trial.kind) == ("1.3.0", ROLLBACK)
    assert state.block_of(digest(OWN)) is not None


def test_a_copy_steps_nowhere(files: FakeFiles) -> None:
    seat = seat_on(files, Role.COPY, "")

    assert not step_down(seat, life.trial_of("1.3.0", BEFORE), "brought")
    assert "updates.json" not in files.list(FOLDER)
