"""The life of an app as a table: one that *is* so, and *should be* so, is to be ... (apps.md 2.1).

Rows are complete: every state has one. A pair that is missing is not defined: the request ends
without a report. What the verbs do stands in `actions/`; a verb of `LATER` is part of the life
cycle and not of this version, and is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from reagent.apps.states import GONE
from reagent.errors import TransitionRefused
from reagent.model.app import App, Stage, State, WantedApp


class Verb(StrEnum):
    """What can be done with an app."""

    STAY = "stay"
    PULL = "pull"
    RUN = "run"
    STOP = "stop"
    REMOVE = "remove"
    UNINSTALL = "uninstall"
    RECOVER_TO_PRESENT = "recover to present"
    RECOVER_TO_RUNNING = "recover to running"
    BUILD = "build"
    PUBLISH = "publish"
    REMOVE_AND_PUBLISH = "remove and publish"
    UPDATE = "update"
    CANCEL_PULL = "cancel pull"
    CANCEL_BUILD = "cancel build"
    CANCEL_PUSH = "cancel push"
    CANCEL_TRANSFER = "cancel transfer"
    CANCEL_UPDATE = "cancel update"
    CANCEL_UPDATE_AND_REMOVE = "cancel update and remove"
    CANCEL_UPDATE_AND_UNINSTALL = "cancel update and uninstall"


_PRESENT: Final = State.PRESENT
_RUNNING: Final = State.RUNNING
_BUILT: Final = State.BUILT
_PUBLISHED: Final = State.PUBLISHED
_REMOVED: Final = State.REMOVED
_UNINSTALLED: Final = State.UNINSTALLED
_STOPPED: Final = State.STOPPED

# What every app without a transition under way can do.
_AT_REST: Final[Mapping[State, Verb]] = {
    _RUNNING: Verb.RUN,
    _BUILT: Verb.BUILD,
    _PUBLISHED: Verb.PUBLISH,
    _REMOVED: Verb.REMOVE,
    _UNINSTALLED: Verb.UNINSTALL,
}
_BETWEEN: Final[Mapping[State, Verb]] = {
    _PRESENT: Verb.STOP,
    _RUNNING: Verb.RUN,
    _REMOVED: Verb.REMOVE,
    _UNINSTALLED: Verb.UNINSTALL,
}

TRANSITIONS: Final[Mapping[State, Mapping[State, Verb]]] = {
    State.REMOVED: {**_AT_REST, _PRESENT: Verb.PULL, _REMOVED: Verb.STAY},
    State.UNINSTALLED: {
        _PRESENT: Verb.PULL,
        _RUNNING: Verb.RUN,
        _BUILT: Verb.BUILD,
        _PUBLISHED: Verb.PUBLISH,
        _UNINSTALLED: Verb.STAY,
    },
    State.PRESENT: {**_AT_REST, _PRESENT: Verb.STAY},
    State.STOPPED: {**_AT_REST, _STOPPED: Verb.STAY},
    State.RUNNING: {
        **_AT_REST,
        _PRESENT: Verb.STOP,
        _RUNNING: Verb.STAY,
        # Only stops; what is still wanted then goes on from PRESENT.
        _BUILT: Verb.STOP,
        _PUBLISHED: Verb.REMOVE_AND_PUBLISH,
    },
    State.FAILED: {
        **_AT_REST,
        _PRESENT: Verb.RECOVER_TO_PRESENT,
        _RUNNING: Verb.RECOVER_TO_RUNNING,
    },
    State.BUILT: {**_AT_REST, _PRESENT: Verb.STAY},
    State.PUBLISHED: {**_AT_REST, _PRESENT: Verb.STAY},
    State.TRANSFERED: {
        _PRESENT: Verb.PULL,
        _REMOVED: Verb.REMOVE,
        _UNINSTALLED: Verb.UNINSTALL,
    },
    State.TRANSFERING: {
        _PRESENT: Verb.CANCEL_TRANSFER,
        _REMOVED: Verb.CANCEL_TRANSFER,
        _UNINSTALLED: Verb.CANCEL_TRANSFER,
    },
    State.BUILDING: {_REMOVED: Verb.CANCEL_BUILD},
    State.PUBLISHING: {_REMOVED: Verb.CANCEL_PUSH},
    State.DOWNLOADING: {
        _PRESENT: Verb.PULL,
        _REMOVED: Verb.CANCEL_PULL,
        _UNINSTALLED: Verb.CANCEL_PULL,
    },
    State.STARTING: _BETWEEN,
    State.STOPPING: _BETWEEN,
    State.UPDATING: {
        _PRESENT: Verb.CANCEL_UPDATE,
        _REMOVED: Verb.CANCEL_UPDATE_AND_REMOVE,
        _UNINSTALLED: Verb.CANCEL_UPDATE_AND_UNINSTALL,
    },
    State.DELETING: {_REMOVED: Verb.REMOVE, _UNINSTALLED: Verb.UNINSTALL},
}

# There is no image of a working copy to be fetched from anywhere.
_DEV: Final[Mapping[tuple[State, State], Verb]] = {(State.REMOVED, _PRESENT): Verb.STAY}

LATER: Final = frozenset({Verb.BUILD, Verb.PUBLISH, Verb.REMOVE_AND_PUBLISH})


def verb_for(current: State, target: str, stage: str) -> Verb:
    """What brings an app of this stage from one state into another.

    Raises:
        TransitionRefused: the table has no such pair.
    """
    wanted = State(target) if target in State.__members__ else None
    verb = None
    if wanted is not None:
        verb = _DEV.get((current, wanted)) if stage == Stage.DEV else None
        verb = verb or TRANSITIONS[current].get(wanted)
    if verb is None:
        raise TransitionRefused(f"an app that is {current} cannot be brought to {target}")
    return verb


def update_due(app: App, wanted: WantedApp) -> bool:
    """The update gate (apps.md 2.8): asked for, newer than installed, and not about to be removed.

    The reference lets it also take over requests for REMOVED, past the guard of a full disk [Q-10].
    """
    return _is_update(wanted) and wanted.newest_version != app.version


def update_pending(row: WantedApp) -> bool:
    """Whether a stored request still asks for an update (apps.md 2.4)."""
    return _is_update(row) and row.newest_version != row.present_version


def _is_update(wanted: WantedApp) -> bool:
    """Whether an update is asked for, and to what."""
    return wanted.request_update and bool(wanted.newest_version) and wanted.target not in GONE


def markdown() -> Iterator[str]:
    """The table as lines of docs/reference/transitions.md."""
    columns = (_PRESENT, _RUNNING, _BUILT, _PUBLISHED, _REMOVED, _UNINSTALLED, _STOPPED)
    yield "# What happens to an app"
    yield ""
    yield "Printed from `reagent.apps.transitions`; a test keeps both equal."
    yield ""
    yield "An app that is (row), and should be (column), is to be ... An empty cell is refused, and"
    yield "nothing is reported. *Italic*: part of the life cycle, not of this version; refused by"
    yield "name, and the app stays as it is: one that runs is not stopped for a build that is not"
    yield "done. A compose app is refused the same way, whatever the verb but stay. `update` takes"
    yield "the place of any cell but those of REMOVED and UNINSTALLED when an update was asked for"
    yield "and the newest version is not the installed one; while the platform cannot be reached,"
    yield "the cell counts."
    yield ""
    yield f"| is | {' | '.join(columns)} |"
    yield f"|---{'|---' * len(columns)}|"
    for current, row in TRANSITIONS.items():
        cells = [_cell(row.get(wanted)) for wanted in columns]
        yield f"| {current} | {' | '.join(cells)} |"
    yield ""
    for (current, wanted), verb in _DEV.items():
        yield f"A working copy (DEV) that is {current} and should be {wanted}: {verb}."
    yield ""
    yield "Requested states other than the columns are stored as the state they lead to, and lead"
    yield "to no transition themselves."


def _cell(verb: Verb | None) -> str:
    if verb is None:
        return ""
    return f"*{verb}*" if verb in LATER else str(verb)
