from __future__ import annotations

from typing import Any

import pytest

from reagent.api.wanted import parse
from reagent.errors import BadRequest
from reagent.model.app import Login

LEAST: dict[str, Any] = {
    "app_key": 42,
    "app_name": "my-app",
    "stage": "PROD",
    "target_state": "RUNNING",
}
FULL: dict[str, Any] = LEAST | {
    "current_state": "PRESENT",
    "release_key": 100,
    "new_release_key": 101,
    "requestor_account_key": 999,
    "device_owner_account_key": "9",
    "version": "1.2.0",
    "present_version": "1.0.0",
    "newest_version": "1.1.0",
    "request_update": True,
    "cancel_transition": False,
    "environment": {"A": {"value": "b"}},
    "environment_template": {"C": {"defaultValue": "d"}},
    "ports": [{"port": 80}],
    "docker_compose": {"services": {}},
    "new_docker_compose": {"services": {"x": {}}},
    "docker_credentials": {
        "one": {"username": "u", "password": "p"},
        "two": {"username": "v", "password": "q"},
    },
    "instance_key": "5",
    "app_cred_epoch": 2.0,
    "unknown": "ignored",
}
STATES = [
    "PRESENT",
    "REMOVED",
    "UNINSTALLED",
    "FAILED",
    "BUILT",
    "BUILDING",
    "PUBLISHING",
    "PUBLISHED",
    "DOWNLOADING",
    "STARTING",
    "STOPPING",
    "STOPPED",
    "UPDATING",
    "DELETING",
    "RUNNING",
]


def test_the_least_payload_leaves_everything_else_at_zero() -> None:
    wanted = parse(LEAST)

    assert (wanted.app_key, wanted.app_name, wanted.stage, wanted.target) == (
        42,
        "my-app",
        "PROD",
        "RUNNING",
    )
    assert (wanted.current, wanted.release_key, wanted.requestor_account_key) == ("", 0, 0)
    assert (wanted.request_update, wanted.cancel_transition) == (False, False)
    assert (wanted.environment, wanted.ports, wanted.docker_compose, wanted.docker_credentials) == (
        None,
    ) * 4


def test_the_full_payload_is_carried_over() -> None:
    wanted = parse(FULL)

    assert (wanted.release_key, wanted.new_release_key, wanted.requestor_account_key) == (
        100,
        101,
        999,
    )
    assert wanted.device_owner_account_key == 9
    assert (wanted.version, wanted.present_version, wanted.newest_version) == (
        "1.2.0",
        "1.0.0",
        "1.1.0",
    )
    assert wanted.request_update is True
    assert wanted.environment == {"A": {"value": "b"}}
    assert wanted.environment_template == {"C": {"defaultValue": "d"}}
    assert wanted.ports == [{"port": 80}]
    assert wanted.docker_compose == {"services": {}}
    assert wanted.docker_credentials == {"one": Login("u", "p"), "two": Login("v", "q")}
    assert (wanted.instance_key, wanted.app_cred_epoch) == (5, 2)


@pytest.mark.parametrize("state", STATES)
def test_every_state_word_is_parsed_unchanged(state: str) -> None:
    assert parse(LEAST | {"target_state": state}).target == state


@pytest.mark.parametrize(
    ("extra", "field", "value"),
    [
        ({"target_state": "", "manually_requested_state": "PRESENT"}, "target", "PRESENT"),
        ({"target_state": None, "manually_requested_state": "PRESENT"}, "target", "PRESENT"),
        ({"state": "PRESENT"}, "current", "PRESENT"),
        ({"account_id": 555}, "requestor_account_key", 555),
        ({"requestor_account_key": "123"}, "requestor_account_key", 123),
        ({"release_key": "456"}, "release_key", 456),
        ({"instance_key": "nonsense"}, "instance_key", 0),
        ({"app_cred_epoch": -1}, "app_cred_epoch", 0),
        ({"environment": None}, "environment", None),
    ],
)
def test_fallbacks_and_lenient_fields(extra: dict[str, Any], field: str, value: object) -> None:
    assert getattr(parse(LEAST | extra), field) == value


@pytest.mark.parametrize(
    ("extra", "token"),
    [
        ({"app_key": "not-a-number"}, "app_key"),
        ({"app_key": 0}, "missing from payload"),
        ({"app_key": True}, "app_key"),
        ({"app_key": 4.0}, "app_key"),
        ({"app_name": 123}, "appName"),
        ({"app_name": ""}, "appName"),
        ({"app_name": "../../etc"}, "appName"),
        ({"stage": 123}, "stage"),
        ({"stage": ""}, "missing from payload"),
        ({"target_state": 123}, "requestedState"),
        ({"target_state": "", "manually_requested_state": 1}, "manuallyRequestedState"),
        ({"current_state": 1}, "currentState"),
        ({"state": 1}, "currentState2"),
        ({"request_update": "yes"}, "requestUpdate"),
        ({"cancel_transition": 1}, "cancelTransition"),
        ({"environment": "x"}, "environment"),
        ({"environment_template": []}, "environment template"),
        ({"ports": "x"}, "ports"),
        ({"docker_compose": "x"}, "docker compose"),
        ({"new_docker_compose": "x"}, "new docker compose"),
        ({"docker_credentials": "x"}, "docker credentials"),
        ({"docker_credentials": {"r": "x"}}, "docker credentials"),
        ({"docker_credentials": {"r": {"password": "p"}}}, "docker credentials"),
        ({"requestor_account_key": "not-a-number"}, "requestorAccountKey"),
        ({"account_id": "not-a-number"}, "requestorAccountKey2"),
        ({"device_owner_account_key": -1}, "deviceOwnerAccountKey"),
        ({"release_key": 1.5}, "releaseKeyString"),
        ({"new_release_key": "1"}, "newReleaseKey"),
        ({"version": 1}, "version"),
        ({"present_version": 1}, "presentVersion"),
        ({"newest_version": 1}, "newestVersion"),
    ],
)
def test_a_bad_field_is_refused_by_its_token(extra: dict[str, Any], token: str) -> None:
    with pytest.raises(BadRequest, match=token) as refused:
        parse(LEAST | extra)

    assert str(refused.value).startswith(("failed to parse", "missing from payload"))
