from __future__ import annotations

from collections.abc import Iterator

import pytest

from reagent import log


@pytest.fixture(autouse=True)
def no_lines() -> Iterator[None]:
    """Thousands of lives are lived here, and all of them log."""
    log.configure(sinks=())
    yield
    log.reset()
