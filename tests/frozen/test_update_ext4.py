"""A real ext4 whose power goes at the system calls of an update, in both data modes.

The executable is killed at a call and the file system is shut down at once, without a flush: what
was not synced by then is gone. `nox -s proof` runs it; it takes root and loop devices.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.loopdisk import MODES, LoopDisk
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.strace import KILL
from tests.frozen.sweep import STEPS, Bench
from tests.proof import parts
from tests.proof.record import Record

TELLING = {"rename", "renameat", "renameat2", "symlink", "symlinkat", "fsync", "fdatasync"}

pytestmark = pytest.mark.timeout(6 * 3600)
long = pytest.mark.skipif(not parts.ALL, reason="takes long: nox -s proof")


@pytest.fixture
async def bench(cloud: Cloud, program: Program) -> Bench:
    made = Bench(cloud, program)
    await made.prepare()
    return made


@pytest.fixture(params=MODES)
def disk(bench: Bench, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LoopDisk]:
    """The agent's folder lies on it."""
    made = LoopDisk(tmp_path / "disk.img", bench.unit.folder, request.param)
    try:
        made.mount()
    except SandboxError as error:
        pytest.skip(str(error))
    yield made
    with suppress(SandboxError):
        made.unmount()


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_loses_what_was_not_synced_and_nothing_else(mode: str, tmp_path: Path) -> None:
    """Otherwise the test below would show nothing."""
    at = tmp_path / "disk"
    at.mkdir()
    disk = LoopDisk(tmp_path / "disk.img", at, mode, 32 << 20)
    try:
        disk.mount()
    except SandboxError as error:
        pytest.skip(str(error))
    try:
        (at / "synced").write_bytes(b"synced")
        disk.sync()
        (at / "not synced").write_bytes(b"not synced")
        disk.cut()
        disk.unmount()
        disk.check()
        disk.mount()

        assert (at / "synced").read_bytes() == b"synced"
        assert not (at / "not synced").exists()
    finally:
        disk.unmount()


@long
async def test_what_a_real_file_system_keeps_is_enough(
    bench: Bench, disk: LoopDisk, program: Program, dice: random.Random
) -> None:
    record = Record.of(parts.EXT4[disk.mode], program.executable)
    if not record.places:
        places = await bench.places(STEPS, [KILL])
        dice.shuffle(places)
        # Names and syncs first: what is between them is what a cut may spoil.
        record.found(sorted(places, key=lambda place: place.name not in TELLING))

    for place in parts.in_time(record.left()):
        record.add(await bench.try_at(place, disk))

    assert record.losses == []
    assert record.tried
