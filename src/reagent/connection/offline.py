"""Life without a router (docs/contract/wamp.md 1.12).

Before the first connection, and with -offline for ever, apps run all the same: what they say goes
nowhere and is no error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from reagent.contracts.messenger import Handler, Listener
from reagent.model.call import Answer
from reagent.model.device import Identity


@dataclass(frozen=True, slots=True)
class NoHandle:
    """Implements `contracts.messenger.Handle` for what never reached a router."""

    id: int = 0

    async def remove(self) -> None:
        """Nothing to remove."""


class Offline:
    """Implements `contracts.messenger.Messenger`: everything succeeds, nothing happens."""

    connected = False
    session_id = 0

    async def call(
        self,
        procedure: str,  # noqa: ARG002 - the contract's signature
        *args: object,  # noqa: ARG002
        kwargs: Mapping[str, object] | None = None,  # noqa: ARG002
        deadline: float | None = None,  # noqa: ARG002
    ) -> Answer:
        """An empty answer."""
        return Answer()

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        """Nobody hears it."""

    async def register(
        self,
        procedure: str,  # noqa: ARG002
        handler: Handler,  # noqa: ARG002
        *,
        force: bool = True,  # noqa: ARG002
    ) -> NoHandle:
        """Nobody will call."""
        return NoHandle()

    async def subscribe(self, topic: str, listener: Listener) -> NoHandle:  # noqa: ARG002
        """Nothing will come."""
        return NoHandle()


class NoRouter:
    """Implements `contracts.messenger.Dialer` for -offline: dials until it is cancelled."""

    async def dial(self, identity: Identity) -> NoReturn:  # noqa: ARG002 - nobody is dialled
        """Wait for ever; no traffic."""
        while True:
            await asyncio.Event().wait()
