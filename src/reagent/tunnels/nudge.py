"""The word that tunnels may not be what they were; whoever hears it asks (wamp.md 7.4)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from reagent.contracts.messenger import Messenger
from reagent.errors import ReagentError
from reagent.model import names
from reagent.model.device import Identity

# The slash is literal.
ONRELOAD: Final = "tunnel_state_update/onreload"


class Nudge:
    """Publishes it. Every tunnel would be an argument of its own; this version has none.

    Args:
        messenger: where it is published.
        identity: who we are now.
    """

    def __init__(self, messenger: Messenger, identity: Callable[[], Identity]) -> None:
        self._messenger = messenger
        self._identity = identity

    async def publish(self) -> None:
        """Best effort: without a link nobody misses it, for the next connect reports all apps."""
        topic = names.procedure(self._identity().serial_number, ONRELOAD)
        with suppress(ReagentError):
            await self._messenger.publish(topic)
