"""What a registration and a subscription can still do once they are there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Handle:
    """Implements `contracts.messenger.Handle`.

    Args:
        number: the router's.
        withdraw: tells the router; gone already is fine with it.
    """

    def __init__(self, number: int, withdraw: Callable[[], Awaitable[None]]) -> None:
        self._number = number
        self._withdraw = withdraw

    @property
    def id(self) -> int:
        """The router's number for it."""
        return self._number

    async def remove(self) -> None:
        """Unregister or unsubscribe."""
        await self._withdraw()
