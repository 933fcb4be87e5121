"""Whoever obeys the orders that commands give to an agent."""

from __future__ import annotations

from reagent.contracts.control import News, Plain
from reagent.errors import Blocked


class FakeDesk:
    """Does what it is told, and remembers it."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, Plain]] = []

    async def obey(self, order: str, arguments: Plain, news: News) -> Plain:
        self.orders.append((order, arguments))
        if order == "refuse":
            raise Blocked("it was tried here before")
        if order == "break":
            raise ValueError("a defect")
        for step in range(3):
            await news({"bytes": step, "of": 2})
        return {"text": "done"}
