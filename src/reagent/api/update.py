"""`update_agent` (docs/contract/wamp.md 4.19)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from reagent import log
from reagent.api.procedure import procedure
from reagent.contracts.messenger import Messenger
from reagent.errors import ReagentError
from reagent.model import names
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity

_log = log.get(__name__)

PROGRESS: Final = "agent_update_progress"
# The slowest line that is waited for at all takes so long; how long to wait is the caller's choice.
_WITHIN_S: Final = 6.5 * 3600

_EVENTS: Final = 64
_SMALLEST_STEP: Final = 32 * 1024
_LARGEST_STEP: Final = 256 * 1024

Progress = Callable[[int, int, int], Awaitable[None]]
"""Told the bytes that just came, those so far, and those of the whole file."""


class Update:
    """Looks for a newer agent when it is asked to.

    Args:
        messenger: where progress is published.
        identity: who we are now.
        order: looks now, and returns whether a newer version was downloaded; raises `ReagentError`.
    """

    def __init__(
        self,
        messenger: Messenger,
        identity: Callable[[], Identity],
        order: Callable[[Progress], Awaitable[bool]],
    ) -> None:
        self._messenger = messenger
        self._identity = identity
        self._order = order

    @procedure("update_agent", needs=Privilege.MAINTAIN, within=_WITHIN_S)
    async def update_agent(self, _call: Call) -> Answer:
        """Answers when a newer version is there, or none is. Why there is none, the log tells."""
        updated = False
        try:
            updated = await self._order(self._publish)
        except ReagentError as error:
            _log.warning("no update, although somebody asked", error=error, slug=error.slug)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer keeps its shape
            _log.exception("no update, although somebody asked", error=error)
        return Answer(
            (
                {
                    "CurrentVersion": "",
                    "LatestVersion": "",
                    "Message": "",
                    "DidAgentUpdate": updated,
                    "DidTunnelUpdate": False,
                    "DidUpdate": updated,
                    "InProgress": False,
                    "TotalFileSize": 0,
                },
            )
        )

    async def _publish(self, increment: int, current: int, total: int) -> None:
        topic = names.procedure(self._identity().serial_number, PROGRESS)
        told = current - increment
        # A download goes on while nobody can be told of it.
        with suppress(ReagentError):
            while told < current:
                step = min(step_of(total), current - told)
                told += step
                await self._messenger.publish(
                    topic, {"increment": step, "currentBytes": told, "fileSize": total}
                )


def step_of(total: int) -> int:
    """Bytes that one event tells of: a large file has some hundred events, a small one several."""
    return min(max(total // _EVENTS, _SMALLEST_STEP), _LARGEST_STEP)
