from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.fakes.loop import CountingLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Unit tests wait for threads by knowing of them, never by waiting a while."""
    del config, item
    return {"counting": CountingLoop}
