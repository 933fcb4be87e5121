from __future__ import annotations

import pytest

from reagent.apps.observed import Found, exit_code, found, observed, project_state
from reagent.model.app import State


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("running", State.RUNNING),
        ("created", State.PRESENT),
        ("removing", State.STOPPING),
        ("restarting", State.FAILED),
        ("exited", State.FAILED),
        ("dead", State.FAILED),
        ("paused", None),
        ("unknown", None),
        ("something-else", None),
        ("", None),
    ],
)
def test_a_container_status_says_how_the_app_is_or_nothing(
    status: str, state: State | None
) -> None:
    assert observed(status) == state


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Exited (0) 5 seconds ago", 0),
        ("Exited (137) 2 hours ago", 137),
        ("Exited (1) 2 hours ago", 1),
        ("Up 3 hours", None),
        ("Exited (oops) ago", None),
        ("Exited (12", None),
        ("", None),
    ],
)
def test_the_exit_code_stands_in_the_first_parentheses(text: str, code: int | None) -> None:
    assert exit_code(text) == code


def test_the_engines_list_is_read_by_name() -> None:
    summaries: list[dict[str, object]] = [
        {
            "Names": ["/prod_6_app"],
            "State": "exited",
            "Status": "Exited (3) 1 second ago",
            "Labels": {"com.docker.compose.project": "prod_6_app_compose"},
        },
        {"Names": None, "State": "running"},
        {"Names": ["/other"], "State": "running", "Status": "Up", "Labels": None},
    ]

    seen = found(summaries)

    assert seen == {
        "prod_6_app": Found("prod_6_app", "exited", 3, "prod_6_app_compose"),
        "other": Found("other", "running", None, ""),
    }


def _container(status: str, code: int | None = None) -> Found:
    return Found("x", status, code, "p")


@pytest.mark.parametrize(
    ("containers", "state"),
    [
        ([_container("exited", 1), _container("running")], State.RUNNING),
        ([_container("exited", 1), _container("exited", 0)], State.FAILED),
        ([_container("exited", 0), _container("created")], State.PRESENT),
        ([], State.PRESENT),
    ],
)
def test_one_running_service_makes_a_project_run(containers: list[Found], state: State) -> None:
    assert project_state(containers) == state
