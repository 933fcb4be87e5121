"""Which containers somebody listens to (docs/contract/streams.md 1.4, wamp.md 7.3).

A gate holds, per container, the subscriptions that are known to take its topic. It is open while
there is one. They become known in two ways: by the router's meta events, which tell of exact
subscriptions as they come and go, and by asking the router who matches the topic, which alone
finds a listener to a prefix such as `reswarm.logs.`.

Asking takes time, and events arrive meanwhile. A `Lookup` remembers them, so an answer that is
already history neither closes a gate that was opened since nor opens one for a listener that left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, Self

_PREFIX: Final = "reswarm.logs."


class Lookup:
    """The question who listens to one container, from asking to the answer."""

    def __init__(self, gate: Gate, container: str) -> None:
        self.container = container
        self.came: set[str] = set()
        self.left: set[str] = set()
        self._gate = gate

    def __enter__(self) -> Self:
        self._gate.lookups.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.lookups.remove(self)

    def settle(self, answer: str, *, forget: bool = False) -> None:
        """Take the router's answer.

        Args:
            answer: a subscription id as text, empty when nobody listens.
            forget: what was known before the question belongs to an earlier session.
        """
        known = set() if forget or not answer else self._gate.listeners(self.container)
        known |= self.came
        if answer:
            known.add(answer)
        self._gate.replace(self.container, known - self.left)


class Gate:
    """Subscription ids, as text, by container.

    Args:
        serial: the serial number of this device.
    """

    def __init__(self, serial: Callable[[], str]) -> None:
        self._serial = serial
        self._listeners: dict[str, set[str]] = {}
        self.lookups: list[Lookup] = []

    def is_open(self, container: str) -> bool:
        """Whether lines of this container go out."""
        return container in self._listeners

    def listeners(self, container: str) -> set[str]:
        """The ids that are known; a copy."""
        return set(self._listeners.get(container, ()))

    def lookup(self, container: str) -> Lookup:
        """Begin to ask; a context to ask within."""
        return Lookup(self, container)

    def replace(self, container: str, listeners: Collection[str]) -> None:
        """Say who listens; nobody closes the gate."""
        if listeners:
            self._listeners[container] = set(listeners)
        else:
            self._listeners.pop(container, None)

    def forget_all_but(self, containers: Collection[str]) -> None:
        """Close every other gate: their listeners belong to a session that is gone."""
        for container in [name for name in self._listeners if name not in containers]:
            del self._listeners[container]

    def created(self, args: Sequence[object]) -> str:
        """Take an event of `wamp.subscription.on_create`.

        Returns:
            The container whose gate it opened; empty when it is about something else.
        """
        details = args[1] if len(args) > 1 else None
        if not isinstance(details, dict):
            return ""
        container = self._container(details.get("uri"))
        subscription = _id(details.get("id"))
        if not container or not subscription:
            return ""
        self._listeners.setdefault(container, set()).add(subscription)
        for lookup in self.lookups:
            if lookup.container == container:
                lookup.came.add(subscription)
                lookup.left.discard(subscription)
        return container

    def deleted(self, args: Sequence[object]) -> list[str]:
        """Take an event of `wamp.subscription.on_delete`.

        Returns:
            The containers whose gate it closed: none while another subscription holds it open, as
            after a page was reloaded.
        """
        subscription = _id(args[1]) if len(args) > 1 else ""
        for lookup in self.lookups:
            lookup.left.add(subscription)
        closed = []
        for container, listeners in list(self._listeners.items()):
            listeners.discard(subscription)
            if not listeners:
                del self._listeners[container]
                closed.append(container)
        return closed

    def _container(self, uri: object) -> str:
        prefix = f"{_PREFIX}{self._serial()}."
        if not isinstance(uri, str) or not uri.startswith(prefix):
            return ""
        return uri[len(prefix) :].partition(".")[0]


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return str(value)
