"""What a container's status says about its app (docs/contract/apps.md 1.3, 1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reagent.model.app import State

# A status that is missing here, `paused` above all, says nothing about the app.
OBSERVED: Final[Mapping[str, State]] = {
    "running": State.RUNNING,
    "created": State.PRESENT,
    "removing": State.STOPPING,
    "restarting": State.FAILED,
    "exited": State.FAILED,
    "dead": State.FAILED,
}


def observed(status: str) -> State | None:
    """The state an app is in when its container has this status; None: no telling."""
    return OBSERVED.get(status)


def exit_code(text: str) -> int | None:
    """The number in the first parentheses of `Exited (137) 5 seconds ago`; None without one."""
    _, opened, rest = text.partition("(")
    number, closed, _ = rest.partition(")")
    if not (opened and closed):
        return None
    try:
        return int(number)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """A container as the engine's list shows it."""

    name: str
    status: str
    exit_code: int | None
    project: str


PROJECT_LABEL: Final = "com.docker.compose.project"


def found(summaries: Iterable[Mapping[str, object]]) -> dict[str, Found]:
    """The engine's list by container name; an entry of another shape is left out."""
    seen = {}
    for summary in summaries:
        names = summary.get("Names")
        if not isinstance(names, list) or not names:
            continue
        labels = summary.get("Labels")
        project = labels.get(PROJECT_LABEL, "") if isinstance(labels, Mapping) else ""
        name = str(names[0]).removeprefix("/")
        seen[name] = Found(
            name, str(summary.get("State", "")), exit_code(str(summary.get("Status", ""))), project
        )
    return seen


def project_state(containers: Iterable[Found]) -> State:
    """What all containers of a project together say of the app."""
    crashed = False
    for container in containers:
        if container.status == "running":
            return State.RUNNING
        crashed = crashed or (container.status == "exited" and bool(container.exit_code))
    return State.FAILED if crashed else State.PRESENT
