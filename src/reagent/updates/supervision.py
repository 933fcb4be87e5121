"""What the parent of a trial makes of what it hears: proven, hanging, too late. Pure.

The child says one line at a time over one pipe:

    alive               its loop turns, every 5 s
    reached WORD        it did what the word means (`vocabulary.WORDS`)
    up, down            its session with the router, and every procedure registered in it
    refused             the platform does not want this device; it ends now

A line that is not known is of a later version and says nothing. Times are monotonic seconds.
"""

from __future__ import annotations

from enum import Enum

from reagent.updates.times import HANGS_AFTER_S, Times


class Verdict(Enum):
    """What there is to do."""

    WAIT = "wait"
    PROVEN = "proven"
    HANGS = "hangs"
    DEADLINE = "deadline"


class Supervision:
    """One attempt.

    Args:
        required: what the child has to reach.
        soaked: seconds of the soak from earlier attempts.
        now: when the child was started.
    """

    def __init__(
        self, *, required: frozenset[str], soaked: float, times: Times, now: float
    ) -> None:
        self._missing = set(required)
        self._soaked = soaked
        self._times = times
        self._heard = now
        self._up = False
        self._holding_since: float | None = None
        self._lost_since = now
        self.refused = False

    def hear(self, line: str, now: float) -> None:
        """One line from the child."""
        self._heard = now
        word, _, rest = line.strip().partition(" ")
        if word == "reached":
            self._missing.discard(rest)
        elif word in {"up", "down"}:
            self._up = word == "up"
        elif word == "refused":
            self.refused = True
        self._settle(now)

    def verdict(self, now: float) -> Verdict:
        """What to do now."""
        if self.holds and self.soaked(now) >= self._times.soak:
            return Verdict.PROVEN
        if now - self._heard >= HANGS_AFTER_S:
            return Verdict.HANGS
        if self._holding_since is None and now - self._lost_since >= self._times.proof:
            return Verdict.DEADLINE
        return Verdict.WAIT

    def look_in(self, now: float) -> float:
        """Seconds until the verdict may be another one although nothing was heard."""
        moments = [self._heard + HANGS_AFTER_S]
        if self._holding_since is None:
            moments.append(self._lost_since + self._times.proof)
        else:
            moments.append(now + self._times.soak - self.soaked(now))
        return max(min(moments) - now, 0.0)

    def soaked(self, now: float) -> float:
        """Seconds that the proof held, in all."""
        since = self._holding_since
        return self._soaked if since is None else self._soaked + max(now - since, 0.0)

    @property
    def holds(self) -> bool:
        """Whether everything is reached and the child can be called just now."""
        return self._holding_since is not None

    @property
    def missing(self) -> frozenset[str]:
        """What it did not do yet."""
        return frozenset(self._missing)

    def _settle(self, now: float) -> None:
        holds = self._up and not self._missing
        if holds and self._holding_since is None:
            self._holding_since = now
        elif not holds and self._holding_since is not None:
            self._soaked = self.soaked(now)
            self._holding_since = None
            self._lost_since = now
