from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reagent.adapters.sqlite.store import open_store
from tests.unit.logs.device import Device, SwiftClock


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    async with open_store(tmp_path / "reagent.db", SwiftClock()) as store:
        device = Device(store)
        yield device
        await device.logs.close()
