"""Reading logs: history and window of an app, the agent's own (streams.md 1.12-1.14)."""

from __future__ import annotations

import asyncio
from typing import Protocol

from reagent.api import wire
from reagent.api.procedure import procedure
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine
from reagent.logs.device_logs import query_device_logs
from reagent.logs.query import query_app_logs
from reagent.model.call import Answer, Call, Privilege


class Histories(Protocol):
    """Knows the last lines of every app."""

    async def history(self, container: str) -> list[str]:
        """The flat list, oldest first."""
        ...


def _plain(container: str) -> str:
    """The name as we use it: `list_containers` shows the engine's, which begins with a slash."""
    return container.removeprefix("/")


class Logs:
    """Serves logs; nothing here changes anything."""

    def __init__(
        self, histories: Histories, engine: Engine, clock: Clock, *, agent_log: str
    ) -> None:
        self._histories = histories
        self._engine = engine
        self._clock = clock
        self._agent_log = agent_log

    @procedure("get_app_log_history", needs=Privilege.READ)
    async def get_app_log_history(self, call: Call) -> Answer:
        """One list of texts, empty rather than null."""
        container = wire.text(wire.first_object(call).get("containerName"), "containerName")
        return Answer((await self._histories.history(_plain(container)),))

    @procedure("query_app_logs", needs=Privilege.READ)
    async def query_app_logs(self, call: Call) -> Answer:
        """Lines in a window, and where they came from."""
        request = dict(wire.first_object(call))
        if isinstance(name := request.get("containerName"), str):
            request["containerName"] = _plain(name)
        now = self._clock.now()
        return Answer((await query_app_logs(self._engine, self._histories.history, request, now),))

    @procedure("query_device_logs", needs=Privilege.READ)
    async def query_device_logs(self, call: Call) -> Answer:
        """The agent's own log; the argument may be missing or null."""
        first = call.args[0] if call.args else None
        request = None if first is None else wire.mapping(first, "args[0]")
        answer = await asyncio.to_thread(
            query_device_logs, self._agent_log, request, self._clock.now()
        )
        return Answer((answer,))
