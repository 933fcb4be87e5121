"""When to dial next. Pure: time and the die are arguments."""

from __future__ import annotations

from reagent.aio.backoff import full_jitter

# A session that lived so long was a good one.
STEADY_S = 10.0
# Sessions that end at once are a router that throws us out; a few are a router that comes up.
QUICK_ENDS = 5
# Each window is tried so often before it doubles: what was down for a few seconds is found within
# about as many again, not within four times as many.
TRIES = 2
# After a shutdown the whole fleet is on its way: start with a window of 4 s.
SHUTDOWN_FAILURES = 3 * TRIES


class Redial:
    """Counts what went wrong in a row.

    The first dial, and the first after a session was lost, go out at once; then full jitter up to a
    minute, for ever. After a router's goodbye for a shutdown the first one is jittered too.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._quick_ends = 0

    def failed(self) -> None:
        """A dial came to nothing."""
        self._failures += 1

    def at_once(self) -> None:
        """The next dial is not to wait."""
        self._failures = 0

    def ended(self, *, lived: float, shutdown: bool) -> None:
        """A session is over.

        Args:
            lived: seconds.
            shutdown: the router said goodbye for a shutdown.
        """
        self._quick_ends = self._quick_ends + 1 if lived < STEADY_S else 0
        self._failures = TRIES * max(0, self._quick_ends - QUICK_ENDS)
        if shutdown:
            self._failures = max(self._failures, SHUTDOWN_FAILURES)

    def delay(self, die: float) -> float:
        """Seconds until the next dial.

        Args:
            die: a number in [0, 1).
        """
        return full_jitter(-(-self._failures // TRIES), die)
