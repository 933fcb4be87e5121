"""Restarting the machine or the agent, and switching off (docs/contract/wamp.md 4.15 to 4.17).

The answer goes out first and the action follows, so what becomes of it can only be logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from reagent import log
from reagent.aio.supervise import Tasks
from reagent.api.procedure import procedure
from reagent.contracts.clock import Clock
from reagent.errors import ReagentError
from reagent.model.call import Answer, Call, Privilege

if TYPE_CHECKING:  # a start runs no program
    from reagent.contracts.processes import Processes

_log = log.get(__name__)

# So long the answer has to leave the device.
PAUSE_S: Final = 2.0
# A service manager that takes longer than this to take an order has other troubles.
WITHIN_S: Final = 60.0
ENDS_S: Final = 2.0

REBOOT: Final = ("reboot",)
POWER_OFF: Final = ("poweroff",)
RESTART_AGENT: Final = ("systemctl", "restart", "reagent")


class Power:
    """Takes orders for the machine; one that is under way already is not taken twice.

    Args:
        processes: makes what runs programs.
        clock: time.
    """

    def __init__(self, processes: Callable[[], Processes], clock: Clock) -> None:
        self._processes = processes
        self._clock = clock
        self._tasks = Tasks()
        self._ordered: set[tuple[str, ...]] = set()

    @procedure("system_reboot", needs=Privilege.MAINTAIN)
    async def system_reboot(self, _call: Call) -> Answer:
        """Start the machine anew."""
        return self._order(REBOOT)

    @procedure("system_shutdown", needs=Privilege.MAINTAIN)
    async def system_shutdown(self, _call: Call) -> Answer:
        """Switch the machine off."""
        return self._order(POWER_OFF)

    @procedure("system_restart_agent", needs=Privilege.MAINTAIN)
    async def system_restart_agent(self, _call: Call) -> Answer:
        """Let the service manager end this process and start it anew."""
        return self._order(RESTART_AGENT)

    async def close(self) -> None:
        """The agent ends: what is due is not done any more."""
        await self._tasks.end(ENDS_S)

    def _order(self, command: tuple[str, ...]) -> Answer:
        if command not in self._ordered:
            self._ordered.add(command)
            self._tasks.start(self._carry_out(command), command[0])
        return Answer()

    async def _carry_out(self, command: tuple[str, ...]) -> None:
        said = " ".join(command)
        try:
            _log.warning("ordered", command=said, seconds=PAUSE_S)
            await self._pause(said)
            outcome = await self._processes().run(command, within=WITHIN_S)
        except ReagentError as error:
            _log.error("an order failed", command=said, error=error, slug=error.slug)
        else:
            if outcome.status:
                why = outcome.stderr.strip()[-400:]
                _log.error("an order failed", command=said, status=outcome.status, error=why)
        finally:
            self._ordered.discard(command)

    async def _pause(self, said: str) -> None:
        try:
            await self._clock.sleep(PAUSE_S)
        except asyncio.CancelledError:
            _log.warning("an order is not carried out: the agent ends first", command=said)
            raise
