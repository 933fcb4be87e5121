"""A signed bucket that holds 1.0.1, and a device of 1.0.0 in front of it; a module may have others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.bucket import Bucket
from tests.contract.trusting import Device, executable
from tests.fakes.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with Bucket(tmp_path / "buckets") as bucket:
        made = Repository(bucket)
        made.release("1.0.1", executable("1.0.1"))
        yield made


@pytest.fixture
def device(tmp_path: Path, repository: Repository) -> Device:
    folder = tmp_path / "device"
    folder.mkdir()
    return Device(folder, repository)
