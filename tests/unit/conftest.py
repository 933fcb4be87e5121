from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest

from reagent import log
from tests.fakes.loop import CountingLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Unit tests wait for threads by knowing of them, never by waiting a while."""
    del config, item
    return {"counting": CountingLoop}


@pytest.fixture
def said() -> Iterator[list[log.Entry]]:
    """What was logged."""
    entries: list[log.Entry] = []
    log.configure(sinks=[entries.append])
    yield entries
    log.reset()
