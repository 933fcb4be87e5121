"""Rows as words of the domain, and back.

JSON of an absent dict or list is the text `null` and comes back as absent: whether an app is a
compose app survives that way. Whole numbers come back as integers, however they were written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from reagent.contracts.store import AppRow
from reagent.model.app import State, WantedApp

Row = tuple[object, ...]
Columns = dict[str, object]

APP_COLUMNS: Final = (
    "id",
    "app_key",
    "app_name",
    "stage",
    "state",
    "version",
    "release_key",
    "timestamp",
)

WANTED_COLUMNS: Final = (
    "app_name",
    "app_key",
    "stage",
    "version",
    "present_version",
    "newest_version",
    "environment_variables",
    "environment_template",
    "ports",
    "docker_compose",
    "new_docker_compose",
    "release_key",
    "new_release_key",
    "request_update",
    "current_state",
    "manually_requested_state",
    "requestor_account_key",
    "device_owner_account_key",
    "app_cred_epoch",
    "instance_key",
    "timestamp",
)

# Past this a float no longer says which integer it was.
_EXACT: Final = 2.0**53


def app_row(row: Row, wanted: WantedApp | None) -> AppRow:
    """An AppStates row (in the order of `APP_COLUMNS`) with what the requested row adds."""
    columns = dict(zip(APP_COLUMNS, row, strict=True))
    return AppRow(
        app_key=_integer(columns["app_key"]),
        app_name=_text(columns["app_name"]),
        stage=_text(columns["stage"]),
        # A word that no agent sets: the correction pass finds out what is true.
        state=_state(columns["state"]) or State.REMOVED,
        version=_text(columns["version"]),
        release_key=_integer(columns["release_key"]),
        timestamp=_text(columns["timestamp"]),
        target=None if wanted is None else _state(wanted.target),
        requestor_account_key=0 if wanted is None else wanted.requestor_account_key,
        request_update=False if wanted is None else wanted.request_update,
    )


def wanted_app(row: Row) -> WantedApp:
    """A RequestedAppStates row, in the order of `WANTED_COLUMNS`."""
    columns = dict(zip(WANTED_COLUMNS, row, strict=True))
    return WantedApp(
        app_key=_integer(columns["app_key"]),
        app_name=_text(columns["app_name"]),
        stage=_text(columns["stage"]),
        target=_text(columns["manually_requested_state"]),
        current=_text(columns["current_state"]),
        requestor_account_key=_integer(columns["requestor_account_key"]),
        device_owner_account_key=_integer(columns["device_owner_account_key"]),
        release_key=_integer(columns["release_key"]),
        new_release_key=_integer(columns["new_release_key"]),
        version=_text(columns["version"]),
        present_version=_text(columns["present_version"]),
        newest_version=_text(columns["newest_version"]),
        request_update=bool(columns["request_update"]),
        environment=_dict(columns["environment_variables"]),
        environment_template=_dict(columns["environment_template"]),
        ports=_list(columns["ports"]),
        docker_compose=_dict(columns["docker_compose"]),
        new_docker_compose=_dict(columns["new_docker_compose"]),
        app_cred_epoch=_integer(columns["app_cred_epoch"]),
        instance_key=_integer(columns["instance_key"]),
    )


def wanted_columns(wanted: WantedApp, timestamp: str) -> Columns:
    """What is stored of a payload.

    Raises:
        ValueError: a value that JSON cannot hold.
        TypeError: likewise.
    """
    return {
        "app_name": wanted.app_name,
        "app_key": wanted.app_key,
        "stage": wanted.stage,
        "version": wanted.version,
        "present_version": wanted.present_version,
        "newest_version": wanted.newest_version,
        "environment_variables": to_json(wanted.environment),
        "environment_template": to_json(wanted.environment_template),
        "ports": to_json(wanted.ports),
        "docker_compose": to_json(wanted.docker_compose),
        "new_docker_compose": to_json(wanted.new_docker_compose),
        "release_key": wanted.release_key,
        "new_release_key": wanted.new_release_key,
        "request_update": int(wanted.request_update),
        "current_state": str(wanted.current),
        "manually_requested_state": str(wanted.target),
        "requestor_account_key": wanted.requestor_account_key,
        "device_owner_account_key": wanted.device_owner_account_key,
        "app_cred_epoch": wanted.app_cred_epoch or None,
        "instance_key": wanted.instance_key or None,
        "timestamp": timestamp,
    }


def to_json(value: Mapping[str, object] | Sequence[object] | None) -> str:
    """JSON text as every agent reads it; `null` for what is absent.

    Raises:
        ValueError: NaN or an infinity, for which JSON has no word.
        TypeError: a kind of value for which JSON has no word.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def lines(text: object) -> list[str]:
    """A stored log; a text that is no list of texts is no log."""
    return [line for line in _list(text) or [] if isinstance(line, str)]


def _json(text: object) -> object:
    if not isinstance(text, str) or text == "null":
        return None
    try:
        return json.loads(text, parse_float=_number)
    except ValueError:
        return None


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _dict(text: object) -> dict[str, object] | None:
    value = _json(text)
    return value if isinstance(value, dict) else None


def _list(text: object) -> list[object] | None:
    value = _json(text)
    return value if isinstance(value, list) else None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def _state(word: object) -> State | None:
    try:
        return State(str(word))
    except ValueError:
        return None
