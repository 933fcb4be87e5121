from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from reagent.apps.actions.table import ACTIONS
from reagent.apps.states import normalise
from reagent.apps.transitions import (
    LATER,
    TRANSITIONS,
    Verb,
    markdown,
    update_due,
    update_pending,
    verb_for,
)
from reagent.errors import TransitionRefused
from reagent.model.app import App, Stage, State, WantedApp

COLUMNS: Final = ("PRESENT", "RUNNING", "BUILT", "PUBLISHED", "REMOVED", "UNINSTALLED", "STOPPED")

# docs/contract/apps.md 2.1, word for word.
CONTRACT: Final = """
REMOVED     | pull | run | build | publish | stay | uninstall |
UNINSTALLED | pull | run | build | publish | | stay |
PRESENT     | stay | run | build | publish | remove | uninstall |
STOPPED     | | run | build | publish | remove | uninstall | stay
RUNNING     | stop | stay | stop | remove and publish | remove | uninstall |
FAILED      | recover to present | recover to running | build | publish | remove | uninstall |
BUILT       | stay | run | build | publish | remove | uninstall |
PUBLISHED   | stay | run | build | publish | remove | uninstall |
TRANSFERED  | pull | | | | remove | uninstall |
TRANSFERING | cancel transfer | | | | cancel transfer | cancel transfer |
BUILDING    | | | | | cancel build | |
PUBLISHING  | | | | | cancel push | |
DOWNLOADING | pull | | | | cancel pull | cancel pull |
STARTING    | stop | run | | | remove | uninstall |
STOPPING    | stop | run | | | remove | uninstall |
UPDATING    | cancel update | | | | cancel update and remove | cancel update and uninstall |
DELETING    | | | | | remove | uninstall |
"""


def _contract() -> dict[tuple[State, State], Verb]:
    pairs = {}
    for line in CONTRACT.strip().splitlines():
        current, *cells = (part.strip() for part in line.split("|"))
        for column, cell in zip(COLUMNS, cells, strict=False):
            if cell:
                pairs[State(current), State(column)] = Verb(cell)
    return pairs


def test_the_table_is_the_contracts() -> None:
    ours = {
        (current, wanted): verb
        for current, row in TRANSITIONS.items()
        for wanted, verb in row.items()
    }

    assert ours == _contract()


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("current", State)
@pytest.mark.parametrize("wanted", State)
def test_every_pair_is_decided_or_refused_by_name(current: State, wanted: State) -> None:
    defined = (current, wanted) in _contract()

    if defined:
        assert verb_for(current, wanted, Stage.PROD) in Verb
    else:
        with pytest.raises(TransitionRefused, match=f"{current}.*{wanted}"):
            verb_for(current, wanted, Stage.PROD)


def test_a_word_that_is_no_state_is_refused() -> None:
    with pytest.raises(TransitionRefused, match="INHERIT"):
        verb_for(State.PRESENT, "INHERIT", Stage.PROD)


def test_there_is_nothing_to_fetch_for_a_removed_working_copy() -> None:
    assert verb_for(State.REMOVED, State.PRESENT, Stage.DEV) == Verb.STAY
    assert verb_for(State.UNINSTALLED, State.PRESENT, Stage.DEV) == Verb.PULL


def test_every_verb_is_reached_and_either_implemented_or_listed_as_later() -> None:
    reached = {verb for row in TRANSITIONS.values() for verb in row.values()}

    assert reached | {Verb.UPDATE} == set(Verb)
    assert set(ACTIONS) | LATER == set(Verb)
    assert not set(ACTIONS) & LATER


def test_every_stored_target_but_failed_is_a_column() -> None:
    targets = {normalise(state) for state in State} - {State.FAILED}

    assert {str(target) for target in targets} == set(COLUMNS)


def _app(version: str = "1.0.0") -> App:
    return App(
        app_key=1,
        app_name="app",
        stage="PROD",
        state=State.PRESENT,
        target=State.PRESENT,
        version=version,
    )


def _wanted(target: str, newest: str, *, update: bool = True, present: str = "") -> WantedApp:
    return WantedApp(
        app_key=1,
        app_name="app",
        stage="PROD",
        target=target,
        newest_version=newest,
        present_version=present,
        request_update=update,
    )


@pytest.mark.parametrize(
    ("wanted", "due"),
    [
        (_wanted("PRESENT", "2.0.0"), True),
        (_wanted("RUNNING", "2.0.0"), True),
        (_wanted("PRESENT", "2.0.0", update=False), False),
        (_wanted("PRESENT", "1.0.0"), False),
        (_wanted("UNINSTALLED", "2.0.0"), False),
        (_wanted("REMOVED", "2.0.0"), False),
    ],
)
def test_an_update_is_due_when_asked_for_newer_and_not_to_be_removed(
    wanted: WantedApp, *, due: bool
) -> None:
    assert update_due(_app(), wanted) is due


@pytest.mark.parametrize(
    ("row", "pending"),
    [
        (_wanted("RUNNING", "2.0.0", present="1.0.0"), True),
        (_wanted("RUNNING", "2.0.0", present="2.0.0"), False),
        (_wanted("RUNNING", "2.0.0", present="1.0.0", update=False), False),
        (_wanted("UNINSTALLED", "2.0.0", present="1.0.0"), False),
    ],
)
def test_a_stored_update_is_pending_until_its_version_is_present(
    row: WantedApp, *, pending: bool
) -> None:
    assert update_pending(row) is pending


def test_the_page_of_transitions_is_printed_from_the_table() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "transitions.md"

    assert page.read_text() == "\n".join(markdown()) + "\n"
