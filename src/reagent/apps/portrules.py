"""Port rules between the wire and the domain (docs/contract/wamp.md 8.4, 3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from reagent.errors import BadRequest
from reagent.model.app import PortRule

_T = TypeVar("_T")


def parse(ports: Sequence[object] | None) -> tuple[PortRule, ...]:
    """The rules of a payload; absent is none, null in a field is absent, unknown keys are dropped.

    Raises:
        BadRequest: an entry is no dict, or a field is of the wrong kind; the text names it.
    """
    return tuple(_rule(number, each) for number, each in enumerate(ports or ()))


def _rule(number: int, entry: object) -> PortRule:
    if not isinstance(entry, Mapping):
        raise BadRequest(f"failed to parse ports: entry {number} is not a dict")

    def take(name: str, check: Callable[[object], _T | None], default: _T) -> _T:
        value = entry.get(name)
        if value is None:
            return default
        checked = check(value)
        if checked is None:
            raise BadRequest(
                f"failed to parse ports: {name} of entry {number} is of the wrong kind"
            )
        return checked

    return PortRule(
        port=take("port", _uint, 0),
        name=take("name", _text, ""),
        main=take("main", _truth, default=False),
        active=take("active", _truth, default=False),
        public=take("public", _truth, default=False),
        protocol=take("protocol", _text, "") or "http",
        local_ip=take("local_ip", _text, ""),
        remote_port_environment=take("remote_port_environment", _text, ""),
        remote_port=take("remote_port", _uint, 0),
        host_port=take("host_port", _uint, 0),
        cloud_remote_port=take("cloud_remote_port", _uint, 0),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _uint(value: object) -> int | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and isinstance(value, int) and value >= 0 else None
