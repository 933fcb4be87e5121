"""When an automatic update may have its turn: hours of the device's own day. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes since midnight, local time; it may reach over midnight. Equal ends: always open."""

    begins: int = 0
    ends: int = 0

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read `02:00-05:00`; what cannot be read is no window, so it holds up nothing."""
        begins, dash, ends = text.strip().partition("-")
        pair = _minute(begins), _minute(ends)
        if not dash or None in pair:
            return cls()
        return cls(pair[0] or 0, pair[1] or 0)

    def holds(self, moment: str) -> bool:
        """Whether it is open.

        Args:
            moment: local time as RFC 3339 has it.
        """
        if self.begins == self.ends:
            return True
        minute = _minute(moment[11:16])
        if minute is None:
            return True
        return (minute - self.begins) % _DAY_MIN < (self.ends - self.begins) % _DAY_MIN


ALWAYS = Window()


def _minute(text: str) -> int | None:
    hours, colon, minutes = text.strip().partition(":")
    if not colon or not (hours.isdecimal() and minutes.isdecimal()):
        return None
    found = int(hours) * 60 + int(minutes)
    return found if found < _DAY_MIN and int(minutes) < 60 else None
