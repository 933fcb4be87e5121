"""Families of states (docs/contract/apps.md 1.2): facts about a state that the rest asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reagent.model.app import State

TRANSIENT: Final = frozenset(
    {
        State.BUILDING,
        State.BUILT,
        State.TRANSFERED,
        State.TRANSFERING,
        State.PUBLISHING,
        State.PUBLISHED,
        State.DOWNLOADING,
        State.STARTING,
        State.STOPPING,
        State.UPDATING,
        State.DELETING,
    }
)
CANCELABLE: Final = frozenset(
    {
        State.BUILDING,
        State.PUBLISHING,
        State.DOWNLOADING,
        State.TRANSFERING,
        State.UPDATING,
    }
)
# As targets: reaching them writes to the disk, so a full disk refuses them.
DISK_GROWING: Final = frozenset(
    {
        State.PRESENT,
        State.RUNNING,
        State.BUILDING,
        State.BUILT,
        State.PUBLISHING,
        State.PUBLISHED,
        State.DOWNLOADING,
        State.UPDATING,
    }
)
# Neither of them has an image, a container, or files to lose.
GONE: Final = frozenset({State.REMOVED, State.UNINSTALLED})

_NORMALISED: Final[Mapping[State, State]] = {
    State.BUILDING: State.PRESENT,
    State.TRANSFERED: State.PRESENT,
    State.TRANSFERING: State.PRESENT,
    State.PUBLISHING: State.PRESENT,
    State.DOWNLOADING: State.PRESENT,
    State.STOPPING: State.PRESENT,
    State.UPDATING: State.PRESENT,
    State.DELETING: State.REMOVED,
    State.STARTING: State.RUNNING,
}
_LOG_KIND: Final[Mapping[State, str]] = {
    State.DOWNLOADING: "PULL",
    State.UPDATING: "PULL",
    State.PUBLISHING: "PUSH",
    State.BUILDING: "BUILD",
}

# What the database's CHECK lets in: every state but STOPPED, and a word no program sets.
STORABLE: Final = frozenset(
    {state.value for state in State if state != State.STOPPED} | {"INHERIT"}
)


def normalise(target: State) -> State:
    """The stable state that a requested one stands for; it is what gets stored as the target."""
    return _NORMALISED.get(target, target)


def log_kind(state: State) -> str:
    """The type under which a log line of an app in this state is filed."""
    return _LOG_KIND.get(state, "APP")
