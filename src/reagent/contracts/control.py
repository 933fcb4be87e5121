"""What a person at the device asks of the agent: one order, news while it lasts, one answer.

Orders are words, their arguments and answers plain values; whoever carries them knows nothing of
them. `updates.orders` says which there are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

Plain = Mapping[str, object]
"""JSON values by name."""

News = Callable[[Plain], Awaitable[None]]
"""Told of what happens meanwhile."""


class Desk(Protocol):
    """Takes orders."""

    async def obey(self, order: str, arguments: Plain, news: News) -> Plain:
        """Do it.

        Returns:
            The answer; `text` in it is for the person.

        Raises:
            ReagentError: it is not done; the text is for the person.
        """
        ...
