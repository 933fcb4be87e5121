from __future__ import annotations

import pytest

from reagent.apps.resume import (
    corrected,
    corrected_project,
    driven_on_connect,
    has_image,
    impossible_offline,
    missing_services,
)
from reagent.model.app import State, WantedApp

_INTERRUPTED = (
    State.DOWNLOADING,
    State.TRANSFERING,
    State.PUBLISHING,
    State.BUILDING,
    State.UPDATING,
)


@pytest.mark.parametrize("stored", State)
def test_without_a_container_the_image_decides(stored: State) -> None:
    gone = State.UNINSTALLED if stored == State.UNINSTALLED else State.REMOVED

    assert corrected(stored, None, image=True) == State.PRESENT
    assert corrected(stored, None, image=False) == gone


@pytest.mark.parametrize("stored", _INTERRUPTED)
def test_interrupted_work_is_not_what_its_container_says(stored: State) -> None:
    expected = State.PRESENT if stored == State.UPDATING else State.REMOVED

    assert corrected(stored, "running", image=True) == expected
    assert corrected_project(stored, State.RUNNING, folder=True, images=True) == expected


@pytest.mark.parametrize(
    ("status", "state"),
    [("running", State.RUNNING), ("created", State.PRESENT), ("exited", State.FAILED)],
)
def test_a_container_says_how_its_app_is(status: str, state: State) -> None:
    for stored in set(State) - set(_INTERRUPTED):
        assert corrected(stored, status, image=True) == state


def test_a_paused_container_says_nothing() -> None:
    assert corrected(State.RUNNING, "paused", image=True) is None


@pytest.mark.parametrize(
    ("stored", "folder", "images", "state"),
    [
        (State.RUNNING, False, True, State.REMOVED),
        (State.UNINSTALLED, False, True, State.UNINSTALLED),
        (State.RUNNING, True, True, State.PRESENT),
        (State.RUNNING, True, False, State.UNINSTALLED),
    ],
)
def test_a_project_without_containers_is_what_its_folder_and_images_say(
    stored: State, state: State, *, folder: bool, images: bool
) -> None:
    assert corrected_project(stored, None, folder=folder, images=images) == state


def test_a_project_with_containers_is_what_they_say() -> None:
    assert corrected_project(State.STARTING, State.RUNNING, folder=True, images=False) == (
        State.RUNNING
    )


def _row(target: str, stage: str = "PROD", *, update: bool = False) -> WantedApp:
    return WantedApp(app_key=1, app_name="app", stage=stage, target=target, request_update=update)


@pytest.mark.parametrize(
    ("current", "target", "row", "impossible"),
    [
        (State.PRESENT, State.BUILT, _row("BUILT"), True),
        (State.REMOVED, State.RUNNING, _row("RUNNING"), True),
        (State.UNINSTALLED, State.RUNNING, _row("RUNNING"), True),
        (State.REMOVED, State.REMOVED, _row("REMOVED"), False),
        (State.REMOVED, State.RUNNING, _row("RUNNING", "DEV"), False),
        (State.PRESENT, State.PUBLISHED, _row("PUBLISHED"), True),
        (State.RUNNING, State.PRESENT, _row("PRESENT", update=True), True),
        (State.RUNNING, State.PRESENT, _row("PRESENT", "DEV"), False),
        (State.PRESENT, State.RUNNING, _row("RUNNING"), False),
    ],
)
def test_what_needs_the_platform_is_not_tried_offline(
    current: State, target: State, row: WantedApp, *, impossible: bool
) -> None:
    assert impossible_offline(current, target, row) is impossible


@pytest.mark.parametrize(
    ("row", "driven"),
    [
        (_row("RUNNING"), True),
        (_row("REMOVED"), True),
        (_row("RUNNING", "DEV"), False),
        (_row("PUBLISHED"), False),
        (_row("BUILT"), False),
    ],
)
def test_a_connect_drives_releases_alone(row: WantedApp, *, driven: bool) -> None:
    assert driven_on_connect(row) is driven


def test_an_image_counts_by_its_whole_repository_and_any_tag() -> None:
    images: list[dict[str, object]] = [
        {"RepoTags": None},
        {"RepoTags": ["registry:5000/prod_amd64_1_app:0.9"]},
    ]

    assert has_image(images, "registry:5000/prod_amd64_1_app")
    assert not has_image(images, "registry:5000/prod_amd64_1_ap")
    assert not has_image(images, "prod_amd64_1_app")


@pytest.mark.parametrize(
    ("services", "local", "missing"),
    [
        ({"a": {"image": "x:1"}, "b": {"image": "y:2"}}, ["x:1", "y:2"], []),
        ({"a": {"image": "dperson/samba:latest"}, "b": {"image": "y"}}, ["y:2"], ["a"]),
        ({"b": {"image": "eclipse-mosquitto"}}, ["eclipse-mosquitto:2"], []),
        ({"a": {"build": "."}}, [], []),
        ({"b": {"image": "y"}, "a": {"image": "x"}}, [], ["a", "b"]),
    ],
)
def test_services_without_an_image_here_are_missing(
    services: dict[str, object], local: list[str], missing: list[str]
) -> None:
    images: list[dict[str, object]] = [{"RepoTags": local}, {}]

    assert missing_services(images, {"services": services}) == missing


@pytest.mark.parametrize("compose", [{}, {"services": []}, {"services": {"a": "b"}}])
def test_a_definition_without_services_is_not_answered(compose: dict[str, object]) -> None:
    assert missing_services([], compose) is None
