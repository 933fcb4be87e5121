"""What a stored state means after a restart: pure rules of docs/contract/apps.md 6.6 and 6.7."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reagent.apps.observed import observed
from reagent.apps.states import GONE
from reagent.model.app import Stage, State, WantedApp

# An app in one of these has a container only by accident: its work died with the last process.
INTERRUPTED: Final[Mapping[State, State]] = {
    State.DOWNLOADING: State.REMOVED,
    State.TRANSFERING: State.REMOVED,
    State.BUILDING: State.REMOVED,
    State.PUBLISHING: State.REMOVED,
    State.UPDATING: State.PRESENT,
}

# States in which nothing of the app is there to be watched.
UNWATCHED: Final = frozenset(
    {State.REMOVED, State.UNINSTALLED, State.FAILED, State.BUILT, State.PUBLISHED}
)


def corrected(current: State, status: str | None, image: bool) -> State | None:  # noqa: FBT001
    """The state that agrees with the engine.

    Args:
        current: the stored state.
        status: the container's status, None when there is no container.
        image: whether an image of the app is on the device.

    Returns:
        None when the status says nothing (`paused`): leave the app as it is.
    """
    if status is not None:
        return INTERRUPTED.get(current) or observed(status)
    if image:
        return State.PRESENT
    return State.UNINSTALLED if current == State.UNINSTALLED else State.REMOVED


def corrected_project(current: State, found: State | None, *, folder: bool, images: bool) -> State:
    """The same for a compose app.

    Args:
        current: the stored state.
        found: what its containers say together, None when there are none.
        folder: whether its compose folder exists.
        images: whether all of its images are on the device.
    """
    if found is not None:
        return INTERRUPTED.get(current, found)
    if folder:
        return State.PRESENT if images else State.UNINSTALLED
    return State.UNINSTALLED if current == State.UNINSTALLED else State.REMOVED


def impossible_offline(current: State, target: State, row: WantedApp) -> bool:
    """Whether driving the app to its stored target needs the platform or a person.

    Args:
        current: the app's state.
        target: the target in memory.
        row: the stored request.
    """
    if target == State.BUILT or row.target == State.PUBLISHED:
        return True
    if current in GONE and row.stage == Stage.PROD and row.target not in GONE:
        return True
    return row.target == State.PRESENT and row.request_update


def driven_on_connect(row: WantedApp) -> bool:
    """Whether a connect drives this app: releases alone, and nothing that is built."""
    return row.stage != Stage.DEV and row.target not in {State.PUBLISHED, State.BUILT}


def has_image(images: Iterable[Mapping[str, object]], repository: str) -> bool:
    """Whether the engine's image list holds any tag of a repository."""
    return any(tag.rpartition(":")[0] == repository for image in images for tag in tags_of(image))


def tags_of(image: Mapping[str, object]) -> list[str]:
    """Every reference of one entry of the engine's image list."""
    tags = image.get("RepoTags")
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def missing_services(
    images: Iterable[Mapping[str, object]], compose: Mapping[str, object]
) -> list[str] | None:
    """Services whose image is not on the device, sorted; None when the definition has no services.

    A service is there when any local tag contains its image's text; one without an image is
    skipped (docs/contract/apps.md 4.7).
    """
    services = compose.get("services")
    if not isinstance(services, Mapping):
        return None
    tags = [tag for image in images for tag in tags_of(image)]
    missing = []
    for name, service in services.items():
        if not isinstance(service, Mapping):
            return None
        image = service.get("image")
        if image is not None and not any(str(image) in tag for tag in tags):
            missing.append(str(name))
    return sorted(missing)
