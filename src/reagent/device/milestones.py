"""How long the way to "green" took (docs/contract/system.md 3.4).

Six figures from four moments; printed once, when the last moment has come.
"""

from __future__ import annotations

from enum import Enum


class Moment(Enum):
    """The moments, in the order in which they come."""

    LAUNCH = "launch"
    DIALLING = "dialling"
    JOINED = "joined"
    SEQUENCE_DONE = "sequence done"
    GREEN = "green"


_FIGURES = (
    ("pre-connection initialisation", Moment.LAUNCH, Moment.DIALLING),
    ("socket connection, from launch", Moment.LAUNCH, Moment.JOINED),
    ("socket connection, from connection start", Moment.DIALLING, Moment.JOINED),
    ("on-connect sequence, from launch", Moment.LAUNCH, Moment.SEQUENCE_DONE),
    ("on-connect sequence, from connection start", Moment.DIALLING, Moment.SEQUENCE_DONE),
    ("green, from launch", Moment.LAUNCH, Moment.GREEN),
)


class Milestones:
    """Remembers the first time of each moment; `LAUNCH` is when the process was started."""

    def __init__(self, launched: float) -> None:
        self._seen: dict[Moment, float] = {Moment.LAUNCH: launched}

    def reach(self, moment: Moment, at: float) -> bool:
        """Note a moment; monotonic seconds.

        Returns:
            True when this was the last one missing: time to tell.
        """
        if moment in self._seen:
            return False
        self._seen[moment] = at
        return len(self._seen) == len(Moment)

    def reached(self, moment: Moment) -> bool:
        """Whether it has come."""
        return moment in self._seen

    def figures(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a name and a duration."""
        return tuple(
            (name, duration(self._seen[end] - self._seen[start]))
            for name, start, end in _FIGURES
            if start in self._seen and end in self._seen
        )


_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def duration(seconds: float) -> str:
    """As Go prints a duration, to the tenth of a millisecond: `850.1ms`, `1.2345s`, `1m2.5s`."""
    seconds = round(max(seconds, 0.0), 4)
    if seconds >= 60:
        hours, rest = divmod(seconds, 3600)
        minutes, rest = divmod(rest, 60)
        head = f"{hours:.0f}h{minutes:.0f}m" if hours else f"{minutes:.0f}m"
        return f"{head}{_plain(rest)}s"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{_plain(seconds / size)}{unit}"
    return "0s"


def _plain(number: float) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".")
