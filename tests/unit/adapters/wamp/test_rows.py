"""docs/contract/wamp.md 8.6 and the count of 9.1."""

from __future__ import annotations

import pytest

from reagent.adapters.wamp.rows import count, wanted_app

ROW: dict[str, object] = {
    "app_key": 77,
    "app_name": "vision",
    "stage": "PROD",
    "current_state": "PRESENT",
    "target_state": "RUNNING",
    "release_key": 900,
    "new_release_key": 901,
    "requestor_account_key": 501,
    "device_owner_account_key": 9,
    "request_update": True,
    "present_version": "1.2.3",
    "newest_version": "1.3.0",
    "environment": {"FOO": {"value": "bar"}},
    "environment_template": {},
    "ports": [{"port": 8080}],
    "docker_compose": None,
    "new_docker_compose": {"services": {}},
    "app_cred_epoch": 2,
    "device_to_app_key": 5,
    "manually_requested_state": "PRESENT",
    "inherit_from_group": "whatever",
}


def test_a_row_maps_as_in_the_table() -> None:
    wanted = wanted_app(ROW)

    assert (wanted.app_key, wanted.app_name, wanted.stage) == (77, "vision", "PROD")
    assert (wanted.current, wanted.target) == ("PRESENT", "RUNNING")
    assert (wanted.release_key, wanted.new_release_key) == (900, 901)
    assert (wanted.requestor_account_key, wanted.device_owner_account_key) == (501, 9)
    assert wanted.request_update is True
    assert wanted.version == wanted.present_version == "1.2.3"
    assert wanted.newest_version == "1.3.0"
    assert wanted.environment == {"FOO": {"value": "bar"}}
    assert wanted.environment_template == {}
    assert wanted.ports == [{"port": 8080}]
    assert wanted.docker_compose is None
    assert wanted.new_docker_compose == {"services": {}}
    assert wanted.app_cred_epoch == 2
    assert (wanted.instance_key, wanted.docker_credentials) == (0, None)


def test_the_manual_state_is_no_target() -> None:
    row = {**ROW, "target_state": ""}

    assert wanted_app(row).target == ""


def test_key_names_match_in_any_case() -> None:
    wanted = wanted_app({"App_Key": 1, "APP_NAME": "a", "Stage": "DEV", "Target_State": "PRESENT"})

    assert (wanted.app_key, wanted.app_name, wanted.stage) == (1, "a", "DEV")
    assert wanted.target == "PRESENT"


def test_values_of_the_wrong_kind_leave_their_field_empty() -> None:
    wanted = wanted_app(
        {
            "app_key": "77",
            "app_name": 5,
            "stage": None,
            "release_key": "900",
            "request_update": "yes",
            "environment": "x",
            "ports": {},
            "docker_compose": [],
            "app_cred_epoch": "many",
            "present_version": 1.0,
        }
    )

    assert (wanted.app_key, wanted.app_name, wanted.stage) == (0, "", "")
    assert (wanted.release_key, wanted.request_update) == (0, False)
    assert (wanted.environment, wanted.ports, wanted.docker_compose) == (None, None, None)
    assert (wanted.app_cred_epoch, wanted.version) == (0, "")


@pytest.mark.parametrize("value", [200, 200.0, "200"])
def test_what_counts(value: object) -> None:
    assert count(value) == 200


@pytest.mark.parametrize("value", [-1, 1.5, "many", None, [], True, "-1", "", "²", "9" * 5000])
def test_what_does_not_count(value: object) -> None:
    assert count(value) is None
