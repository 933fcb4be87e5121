from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest


class HeldClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.stamp = "2031-05-06T09:08:09+02:00"

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> float:
        return self.seconds

    def rfc3339(self) -> str:
        return self.stamp

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def random(self) -> float:
        return 0.5


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reagent.db"


@pytest.fixture
def query(path: Path) -> Callable[..., list[tuple[object, ...]]]:
    """Look into the closed file with another connection."""

    def ask(sql: str, *parameters: object) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(path)
        try:
            with connection:
                return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()

    return ask
