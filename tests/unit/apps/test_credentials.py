"""docs/contract/apps.md 9.2 C1-C3, wamp.md Annex B."""

from __future__ import annotations

import pytest

from reagent.apps.credentials import Credential, credential

_SERIAL = "06a0bf96-a539-4d6a-8471-ac7adc67616e"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            ("dGVzdC1rZXktZm9yLXZlY3Rvcg==", _SERIAL, 33, "PROD", 1),
            Credential(f"app-33-prod-e1@{_SERIAL}", "Pr7pphQvvuN4WW0EKmbTnngTGFpxqFXuH4mYCVrV6+A="),
        ),
        (
            ("c2FtcGxlLWNyZWQta2V5", "SN-TEST-0001", 77, "PROD", 2),
            Credential(
                "app-77-prod-e2@SN-TEST-0001", "1uYH5dTZ5CrwXnMO7H5u8NxBfrZX/iVrr2Gb2Lj2vwU="
            ),
        ),
    ],
)
def test_the_backend_derives_the_same_secret(
    given: tuple[str, str, int, str, int], expected: Credential
) -> None:
    assert credential(*given) == expected


@pytest.mark.parametrize(
    ("app_key", "stage", "epoch", "auth_id"),
    [(7, "DEV", 12, "app-7-dev-e12@serial-x"), (7, "PROD", 2, "app-7-prod-e2@serial-x")],
)
def test_the_login_names_app_stage_epoch_and_device(
    app_key: int, stage: str, epoch: int, auth_id: str
) -> None:
    made = credential("key", "serial-x", app_key, stage, epoch)

    assert made is not None
    assert made.auth_id == auth_id
    assert made.secret


def test_an_absent_epoch_is_the_first() -> None:
    assert credential("key", "serial", 7, "PROD", 0) == credential("key", "serial", 7, "PROD", 1)


@pytest.mark.parametrize(
    ("key", "serial", "app_key"), [("", "serial", 7), ("key", "", 7), ("key", "serial", 0)]
)
def test_without_key_serial_or_app_there_is_no_login(key: str, serial: str, app_key: int) -> None:
    assert credential(key, serial, app_key, "PROD", 1) is None


def test_the_secret_is_in_no_log() -> None:
    made = credential("key", "serial", 7, "PROD", 1)

    assert made is not None
    assert made.secret not in repr(made)
