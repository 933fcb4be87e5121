"""What this process did that a version has to do here; told by the parts that did it.

    joined      a session with the router, and the serial number is ours
    registered  every procedure can be called in that session
    called      our own procedure was called, through the router, and answered
    engine      the Docker engine answered
    stored      a row was written to the database, on the disk
    fetched     the bucket was read
    staged      a file was written where updates are put, and taken away

Of a candidate its parent hears every word; an active version remembers them as the baseline that
candidates are measured by (`judge.required`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reagent.updates.vocabulary import JOINED, REGISTERED


def _nobody(_line: str) -> None:
    return


class Proof:
    """The words that were reached. For the event loop's thread only.

    Args:
        tell: a candidate's way to its parent.
    """

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._tell = tell or _nobody
        self._reached: set[str] = set()
        self._changed = asyncio.Event()
        self._registered_in = 0
        self.is_refused = False

    @property
    def words(self) -> frozenset[str]:
        """What was reached so far."""
        return frozenset(self._reached)

    def reached(self, word: str) -> None:
        """It was done; again is fine."""
        if word not in self._reached:
            self._reached.add(word)
            self._tell(f"reached {word}")
            self._changed.set()

    def forget(self) -> None:
        """Start over: what was reached long ago says nothing about today."""
        self._reached.clear()

    def joined(self) -> None:
        """A session began."""
        self.reached(JOINED)

    def registered(self, session: int) -> None:
        """Every procedure is registered in this session."""
        self._registered_in = session
        self.reached(REGISTERED)
        self._changed.set()

    def refused(self) -> None:
        """The platform does not want this device: nothing that a version can help."""
        self.is_refused = True
        self._tell("refused")

    def holds(self, session: int) -> bool:
        """Whether this is a session in which we can be called; 0 is none."""
        return session != 0 and session == self._registered_in

    async def wait_for(self, words: frozenset[str]) -> None:
        """Until all of these were reached."""
        while not words <= self._reached:
            self._changed.clear()
            await self._changed.wait()
