"""When the agent gives way to the launcher: at an idle moment, or when it waited long enough.

nobody ordered it    in the window, where there is one; after a day the next window's beginning is
                     taken, idle or not
somebody ordered it  window or not; idle or not, once the time is over that was given
what a person waits for is not cut: neither of them, for a day at most
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from reagent import log
from reagent.contracts.clock import Clock
from reagent.updates.times import DAY_S
from reagent.updates.window import ALWAYS, Window

_log = log.get(__name__)

# After `update_agent`; an automatic one waits for a day at most.
ORDERED_WITHIN_S: Final = 60.0
AUTOMATIC_WITHIN_S: Final = DAY_S
# The answer to whoever asked goes out first.
_FIRST_S: Final = 1.0
_LOOK_EVERY_S: Final = 1.0
_QUICK_LOOKS: Final = 60
_LOOK_LATER_S: Final = 10.0


class HandOver:
    """Ends this agent so that another version can have its turn; once.

    Args:
        clock: time.
        idle: nothing is going on that a restart would break.
        well: there is a session with the router: a trial in a broken world teaches nobody.
        leave: ends the agent, orderly.
        window: when one that nobody ordered may happen.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        idle: Callable[[], bool],
        well: Callable[[], bool],
        leave: Callable[[], None],
        window: Window = ALWAYS,
    ) -> None:
        self._clock = clock
        self._idle = idle
        self._well = well
        self._leave = leave
        self._window = window
        self._ordered = False
        self._holds = 0
        self._let_go_at = float("-inf")
        self._asked = asyncio.Event()
        self._earliest = 0.0
        self._latest = float("inf")
        self.taken = False

    def request(
        self, within: float = AUTOMATIC_WITHIN_S, *, after: float = 0.0, ordered: bool = False
    ) -> None:
        """Ask for it; of several requests the most urgent counts.

        Args:
            within: seconds; then idle or not, well or not. Less than a day is an order.
            after: not before so many seconds.
            ordered: it waits for no window.
        """
        self._ordered = self._ordered or ordered or within < AUTOMATIC_WITHIN_S
        now = self._clock.monotonic()
        earliest = now + max(after, _FIRST_S)
        self._earliest = min(self._earliest, earliest) if self._asked.is_set() else earliest
        self._latest = min(self._latest, earliest + within)
        self._asked.set()

    def hold(self) -> Callable[[], None]:
        """A person waits for something, a download mostly: have it done before.

        Returns:
            Lets go, once; the answer has a second to get out.
        """
        held = True
        self._holds += 1

        def let_go() -> None:
            nonlocal held
            if held:
                held = False
                self._holds -= 1
                self._let_go_at = self._clock.monotonic()

        return let_go

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()

    async def wait_until_asked(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    async def run(self) -> None:
        """Wait for a request and its moment, then leave."""
        await self._asked.wait()
        looks = 0
        while not self._is_time():
            wait = self._earliest - self._clock.monotonic()
            looks = 0 if wait > 0 else looks + 1
            # Requests may come while this sleeps, and be more urgent.
            pause = _LOOK_EVERY_S if looks < _QUICK_LOOKS else _LOOK_LATER_S
            await self._clock.sleep(min(max(wait, pause), _LOOK_LATER_S))
        self.taken = True
        _log.info("handing over to the launcher")
        self._leave()

    def _is_time(self) -> bool:
        now = self._clock.monotonic()
        if now < self._earliest:
            return False
        held = self._holds > 0 or now < self._let_go_at + _FIRST_S
        if held and now < self._earliest + AUTOMATIC_WITHIN_S:
            return False
        if not self._ordered and not self._window.holds(self._clock.rfc3339()):
            return False
        return now >= self._latest or (self._idle() and self._well())
