"""A staged roll-out without a server: who is next, decided by each device for itself. Pure.

    "stages": {"production": {
        "version": "1.4.0",           on top of what `versions` says for everybody
        "begun": 1900000000,          seconds since 1970
        "curve": [[1, 1], [24, 10], [72, 100]],     hours since then, percent of the fleet
        "salt": "b7f3",               of this roll-out: another one begins with other devices
        "approved": false,            until somebody looked, ten percent are the most
        "paused": 0,                  seconds since 1970 when it was held, 0 while it runs
        "critical": false             a fix that cannot wait: everybody, at once
    }}

Between two points of a curve the share grows evenly, from nothing at hour 0. A device's place is
the first 8 bytes of the SHA-256 of the salt, behind its length in 4 bytes, and its serial number in
lower case; as a fraction of 2**64. It is in when its place is below the share. A device whose clock
nobody set is the last of all, and counts the time that signed data tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

# Nobody else may be watching.
UNWATCHED: Final = 0.10
_HOUR_S: Final = 3600.0
_LAST: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A version on its way through the fleet; see the module for units."""

    version: str
    begun: float
    curve: tuple[tuple[float, float], ...]
    salt: str
    approved: bool = False
    paused: float = 0.0
    critical: bool = False


def place(salt: str, serial_number: str) -> float:
    """Where a device stands in the queue of a roll-out, in [0, 1)."""
    salted = salt.encode()
    digest = sha256(len(salted).to_bytes(4, "big") + salted + serial_number.lower().encode())
    return int.from_bytes(digest.digest()[:8], "big") / 2.0**64


def share(stage: Stage, now: float) -> float:
    """The part of the fleet that is in, in [0, 1]; `now` in seconds since 1970."""
    if stage.critical:
        return 1.0
    elapsed = (min(now, stage.paused) if stage.paused else now) - stage.begun
    allowed = _along(stage.curve, elapsed / _HOUR_S) / 100.0
    return allowed if stage.approved else min(allowed, UNWATCHED)


def is_in(stage: Stage, serial_number: str, now: float, *, knows_time: bool) -> bool:
    """Whether a device takes the stage's version.

    While a stage is held nobody takes it who does not run it or try it yet, and time stands still.

    Args:
        stage: what was signed for.
        serial_number: of the device.
        now: seconds since 1970.
        knows_time: somebody who knows set the clock; else `now` is what signed data tells.
    """
    if stage.critical:
        return True
    if not is_offered(stage):
        return False
    reached = share(stage, now)
    if not knows_time:
        return reached >= _LAST
    return place(stage.salt, serial_number) < reached


def is_offered(stage: Stage) -> bool:
    """Whether it goes on, for whomever: what is held is waited for by nobody."""
    return stage.critical or not stage.paused


def parsed(value: object) -> Stage | None:
    """A stage as it stands in the document; None for what is none, which holds nobody up."""
    if not isinstance(value, dict):
        return None
    version, salt, curve = value.get("version"), value.get("salt"), value.get("curve")
    begun = _number(value.get("begun"))
    points = _points(curve) if isinstance(curve, list) else ()
    if not isinstance(version, str) or not version or not isinstance(salt, str) or begun is None:
        return None
    critical = value.get("critical") is True
    if not points and not critical:
        return None
    return Stage(
        version=version,
        begun=begun,
        curve=points,
        salt=salt,
        approved=value.get("approved") is True,
        paused=_number(value.get("paused")) or 0.0,
        critical=critical,
    )


def _along(curve: Sequence[tuple[float, float]], hours: float) -> float:
    if hours < 0:
        return 0.0
    before = (0.0, 0.0)
    for point in curve:
        if hours < point[0]:
            return before[1] + (point[1] - before[1]) * (hours - before[0]) / (point[0] - before[0])
        before = point
    return before[1]


def _points(curve: list[object]) -> tuple[tuple[float, float], ...]:
    points: list[tuple[float, float]] = []
    for each in curve:
        if not isinstance(each, list) or len(each) != 2:
            return ()
        hours, percent = _number(each[0]), _number(each[1])
        if hours is None or percent is None or percent > 100:
            return ()
        if points and (hours <= points[-1][0] or percent < points[-1][1]):
            return ()
        points.append((hours, percent))
    return tuple(points)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e15 else None
