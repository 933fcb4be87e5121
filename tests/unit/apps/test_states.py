from __future__ import annotations

import pytest

from reagent.apps.states import (
    CANCELABLE,
    DISK_GROWING,
    GONE,
    STORABLE,
    TRANSIENT,
    log_kind,
    normalise,
)
from reagent.model.app import State


def test_what_can_be_canceled_is_work_that_takes_long() -> None:
    assert {
        State.BUILDING,
        State.PUBLISHING,
        State.DOWNLOADING,
        State.TRANSFERING,
        State.UPDATING,
    } == CANCELABLE


def test_eleven_states_pass_by_themselves() -> None:
    stable = {
        State.PRESENT,
        State.REMOVED,
        State.UNINSTALLED,
        State.FAILED,
        State.STOPPED,
        State.RUNNING,
    }

    assert len(TRANSIENT) == 11
    assert frozenset(State) - stable == TRANSIENT


def test_a_full_disk_refuses_what_writes_and_nothing_that_removes() -> None:
    assert len(DISK_GROWING) == 8
    assert not DISK_GROWING & (GONE | {State.STOPPING, State.DELETING, State.FAILED})


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (State.BUILDING, State.PRESENT),
        (State.TRANSFERED, State.PRESENT),
        (State.DOWNLOADING, State.PRESENT),
        (State.TRANSFERING, State.PRESENT),
        (State.PUBLISHING, State.PRESENT),
        (State.UPDATING, State.PRESENT),
        (State.STOPPING, State.PRESENT),
        (State.DELETING, State.REMOVED),
        (State.STARTING, State.RUNNING),
        *((state, state) for state in (State.RUNNING, State.PRESENT, State.REMOVED)),
        *((state, state) for state in (State.FAILED, State.STOPPED, State.UNINSTALLED)),
        *((state, state) for state in (State.BUILT, State.PUBLISHED)),
    ],
)
def test_a_passing_target_is_stored_as_the_state_it_leads_to(asked: State, stored: State) -> None:
    assert normalise(asked) == stored


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (State.DOWNLOADING, "PULL"),
        (State.UPDATING, "PULL"),
        (State.PUBLISHING, "PUSH"),
        (State.BUILDING, "BUILD"),
        (State.RUNNING, "APP"),
        (State.PRESENT, "APP"),
        (State.FAILED, "APP"),
        (State.STARTING, "APP"),
    ],
)
def test_the_log_of_an_app_is_filed_under_what_it_does(state: State, kind: str) -> None:
    assert log_kind(state) == kind


def test_everything_but_stopped_can_be_stored() -> None:
    assert "STOPPED" not in STORABLE
    assert {"INHERIT", "RUNNING", "TRANSFERED", "TRANSFERING"} <= STORABLE
    assert len(STORABLE) == 17
