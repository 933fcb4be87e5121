"""A file that somebody brings: what it lies on may hang, and what else there is to do goes on."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent.adapters.localfile import LocalFiles
from reagent.adapters.threads import Threads
from reagent.errors import TooSlow
from reagent.settings.opening import read_at
from reagent.updates.semver import Version
from tests.unit.updates.device import Device, Progress, elf


@pytest.fixture
def device(tmp_path: Path) -> Device:
    folder = tmp_path / "device"
    folder.mkdir()
    return Device(folder)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """What somebody brings: a version, and its checksum beside it."""
    file = tmp_path / "reagent"
    file.write_bytes(elf("brought"))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "reagent.sha256").write_text(digest)
    return file


@pytest.fixture
def hangs() -> Iterator[threading.Event]:
    """Set: what hangs comes back."""
    event = threading.Event()
    yield event
    event.set()


async def test_after_a_file_that_hangs_the_next_look_finds_what_is_announced(
    device: Device, stick: Path, hangs: threading.Event
) -> None:
    def read(descriptor: int, size: int, offset: int) -> bytes:
        if size > 4096:  # the file; its checksum could be read
            hangs.wait()
        return read_at(descriptor, size, offset)

    def demand(_: Version) -> None:
        return

    brought = LocalFiles(within=0.1, threads=Threads("stick"), read=read)
    device.roll_out("1.0.1")

    with pytest.raises(TooSlow):
        await device.checks.apply(brought, str(stick), demand, Progress())
    staged = await device.checks.order(Progress())

    assert staged
    assert device.versions == {"1.0.1"}
    assert device.leftovers == []
