"""What every verb works with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reagent.apps.folders import Folders
from reagent.apps.hostports import HostPorts
from reagent.apps.learnt import Learnt
from reagent.apps.naming import Names, names_of
from reagent.apps.outlets import ContainerLogs
from reagent.apps.reports import Reports
from reagent.apps.streams import Streams
from reagent.contracts.clock import Clock
from reagent.contracts.engine import ContainerSeen, Engine
from reagent.contracts.host import Host
from reagent.errors import Canceled, ContainerNotFound, ReagentError
from reagent.model.app import App, WantedApp
from reagent.model.device import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The tools. One for all transitions of a process."""

    engine: Engine
    clock: Clock
    host: Host
    logs: ContainerLogs
    states: Reports
    streams: Streams
    host_ports: HostPorts
    folders: Folders
    learnt: Learnt
    identity: Callable[[], Identity]
    arch: str

    def names(self, app: App | WantedApp) -> Names:
        """The names of an app on this device."""
        return names_of(app, self.identity(), self.arch)

    async def look(self, container: str) -> ContainerSeen | None:
        """The container of exactly this name, None when there is none."""
        try:
            return await self.engine.inspect(container)
        except ContainerNotFound:
            return None

    @asynccontextmanager
    async def telling(self, container: str, failure: str) -> AsyncIterator[None]:
        """Put the reason into the app's log when the work inside fails."""
        try:
            yield
        except Canceled:
            raise
        except ReagentError as error:
            await self.logs.notice(container, f"{failure}: {error}")
            raise


@dataclass(frozen=True, slots=True)
class Job:
    """One transition of one app.

    Attributes:
        token: the registry's user name for this transition; empty when there was none to be had.
    """

    app: App
    wanted: WantedApp
    token: str = field(default="", repr=False)


Action = Callable[[Workshop, Job], Awaitable[None]]
