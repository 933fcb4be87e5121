"""What we tell the platform of our state, and what it tells us back (docs/contract/wamp.md 3.2)."""

from __future__ import annotations

from collections.abc import Callable

from reagent.contracts.backend import Backend
from reagent.contracts.host import Host
from reagent.model.device import Status


class StatusReport:
    """Sends the status with the host's figures.

    `EMERGENCY` takes the place of `CONNECTED`, never of `CONFIGURING`. The platform's base URL
    comes back with the answer; one that is missing leaves what is known unchanged.
    """

    def __init__(
        self,
        backend: Backend,
        host: Host,
        *,
        emergency: Callable[[], bool],
        learn_base_url: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._host = host
        self._emergency = emergency
        self._learn_base_url = learn_base_url

    async def send(self, status: Status) -> None:
        """Report one status.

        Raises:
            Unavailable: the platform did not take it.
        """
        if status is Status.CONNECTED and self._emergency():
            status = Status.EMERGENCY
        base_url = await self._backend.report_status(status, await self._host.stats())
        if base_url:
            self._learn_base_url(base_url)

    async def beat(self) -> None:
        """The heartbeat: always `CONNECTED` (docs/contract/wamp.md 1.8)."""
        await self.send(Status.CONNECTED)
