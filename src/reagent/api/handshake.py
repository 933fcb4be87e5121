"""Is anybody there (docs/contract/wamp.md 4.3)."""

from __future__ import annotations

from collections.abc import Callable

from reagent.api.procedure import procedure
from reagent.contracts.clock import Clock
from reagent.model.call import Answer, Call
from reagent.model.device import Identity


class Handshake:
    """Answers with the device's clock and serial; open to all."""

    def __init__(self, clock: Clock, identity: Callable[[], Identity]) -> None:
        self._clock = clock
        self._identity = identity

    @procedure("device_handshake")
    async def device_handshake(self, _call: Call) -> Answer:
        """Keyword arguments only: `utp` and `id`."""
        serial = self._identity().serial_number
        return Answer(kwargs={"utp": self._clock.rfc3339(), "id": serial})
