"""Events: one at a time, in the order they came, whatever they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from reagent import log
from reagent.contracts.messenger import Listener
from reagent.model.call import Event

_log = log.get(__name__)

# A listener that hangs must not eat the memory of the device. Far above what a burst brings.
BACKLOG = 10_000


class Subscriptions:
    """Who listens to what in one session."""

    def __init__(self) -> None:
        self._listeners: dict[int, tuple[str, list[Listener]]] = {}
        self._arrived: asyncio.Queue[tuple[Event, tuple[Listener, ...]]] = asyncio.Queue(BACKLOG)

    def add(self, subscription: int, topic: str, listener: Listener) -> None:
        """One more listener; the router has one subscription for all of a topic's."""
        self._listeners.setdefault(subscription, (topic, []))[1].append(listener)

    def has(self, subscription: int) -> bool:
        """Whether anybody listens."""
        return subscription in self._listeners

    def remove(self, subscription: int, listener: Listener) -> bool:
        """One listener less; returns whether it was the last one."""
        _, listeners = self._listeners.get(subscription, ("", []))
        if listener not in listeners:
            return False
        listeners.remove(listener)
        if listeners:
            return False
        self.forget(subscription)
        return True

    def forget(self, subscription: int) -> None:
        """The router revoked it."""
        self._listeners.pop(subscription, None)

    def arrived(
        self,
        subscription: int,
        topic: str | None,
        args: Sequence[object],
        kwargs: Mapping[str, object],
    ) -> None:
        """An event to deliver; who listens is decided now, not when its turn comes."""
        subscribed, listeners = self._listeners.get(subscription, ("", []))
        if not listeners:
            return
        try:
            event = Event(topic or subscribed, args, kwargs)
            self._arrived.put_nowait((event, tuple(listeners)))
        except asyncio.QueueFull:
            _log.warning("event dropped, a listener is stuck", topic=subscribed)

    async def deliver(self) -> None:
        """Run for as long as the session lives. A listener that fails is logged, nothing else."""
        while True:
            event, listeners = await self._arrived.get()
            for listener in listeners:
                try:
                    await listener(event)
                except Exception as error:  # noqa: BLE001 - one listener must not silence the rest
                    _log.exception("a listener failed", topic=event.topic, error=error)
