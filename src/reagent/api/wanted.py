"""`request_app_state`'s keyword arguments as a `WantedApp` (docs/contract/wamp.md 8.1, 8.3).

Null is absent. Every refusal names its field by the token that callers know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from reagent.api import wire
from reagent.errors import BadRequest
from reagent.model.app import Login, WantedApp

_T = TypeVar("_T")
_Check = Callable[[object, str], _T]
_Kwargs = Mapping[str, object]


def parse(kwargs: _Kwargs) -> WantedApp:
    """Check and take over every field.

    Raises:
        BadRequest: a field is missing or of the wrong kind.
    """
    return WantedApp(
        app_key=_app_key(kwargs),
        app_name=_app_name(kwargs),
        stage=_stage(kwargs),
        target=_either(kwargs, ("target_state", "requestedState"), _MANUAL, wire.text, ""),
        current=_either(kwargs, ("current_state", "currentState"), _STATE, wire.text, ""),
        requestor_account_key=_either(
            kwargs,
            ("requestor_account_key", "requestorAccountKey"),
            ("account_id", "requestorAccountKey2"),
            wire.uint_or_text,
            0,
        ),
        device_owner_account_key=_take(
            kwargs, "device_owner_account_key", "deviceOwnerAccountKey", wire.uint_or_text, 0
        ),
        release_key=_take(kwargs, "release_key", "releaseKeyString", wire.uint_or_text, 0),
        new_release_key=_take(kwargs, "new_release_key", "newReleaseKey", wire.uint, 0),
        version=_take(kwargs, "version", "version", wire.text, ""),
        present_version=_take(kwargs, "present_version", "presentVersion", wire.text, ""),
        newest_version=_take(kwargs, "newest_version", "newestVersion", wire.text, ""),
        request_update=_take(kwargs, "request_update", "requestUpdate", wire.truth, default=False),
        cancel_transition=_take(
            kwargs, "cancel_transition", "cancelTransition", wire.truth, default=False
        ),
        environment=_object(kwargs, "environment", "environment"),
        environment_template=_object(kwargs, "environment_template", "environment template"),
        ports=_ports(kwargs),
        docker_compose=_object(kwargs, "docker_compose", "docker compose"),
        new_docker_compose=_object(kwargs, "new_docker_compose", "new docker compose"),
        docker_credentials=_credentials(kwargs),
        instance_key=_lenient(kwargs.get("instance_key"), wire.uint_or_text),
        app_cred_epoch=_lenient(kwargs.get("app_cred_epoch"), wire.count),
    )


_MANUAL = ("manually_requested_state", "manuallyRequestedState")
_STATE = ("state", "currentState2")


def _take(kwargs: _Kwargs, key: str, token: str, check: _Check[_T], default: _T) -> _T:
    value = kwargs.get(key)
    return default if value is None else check(value, token)


def _either(
    kwargs: _Kwargs,
    first: tuple[str, str],
    second: tuple[str, str],
    check: _Check[_T],
    default: _T,
) -> _T:
    return _take(kwargs, *first, check, default) or _take(kwargs, *second, check, default)


def _lenient(value: object, check: _Check[int]) -> int:
    if value is None:
        return 0
    try:
        return check(value, "")
    except BadRequest:
        return 0


def _app_key(kwargs: _Kwargs) -> int:
    value = kwargs.get("app_key")
    if value is None or (value == 0 and wire.is_uint(value)):
        raise BadRequest("missing from payload: app_key")
    return wire.uint(value, "app_key")


def _app_name(kwargs: _Kwargs) -> str:
    name = wire.text(kwargs.get("app_name"), "appName")
    if not name:
        raise BadRequest("failed to parse appName: it is empty")
    if "/" in name or name in {".", ".."} or "\0" in name:
        raise BadRequest("failed to parse appName: it names a path")
    return name


def _stage(kwargs: _Kwargs) -> str:
    value = kwargs.get("stage")
    if value is None or value == "":
        raise BadRequest("missing from payload: stage")
    return wire.text(value, "stage")


def _object(kwargs: _Kwargs, key: str, token: str) -> Mapping[str, object] | None:
    value = kwargs.get(key)
    return None if value is None else wire.mapping(value, token)


def _ports(kwargs: _Kwargs) -> list[object] | None:
    value = kwargs.get("ports")
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadRequest("failed to parse ports: a list is expected")
    return value


def _credentials(kwargs: _Kwargs) -> dict[str, Login] | None:
    value = kwargs.get("docker_credentials")
    if value is None:
        return None
    logins = {}
    for registry, entry in wire.mapping(value, "docker credentials").items():
        fields = wire.mapping(entry, "docker credentials")
        logins[registry] = Login(
            wire.text(fields.get("username"), "docker credentials: username"),
            wire.text(fields.get("password"), "docker credentials: password"),
        )
    return logins
