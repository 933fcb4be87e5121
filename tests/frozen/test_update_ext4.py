"""A real ext4 whose power goes at the system calls of an update, in both data modes.

The executable is killed at a call and the file system is shut down at once, without a flush: what
was not synced by then is gone. `nox -s proof` runs it; it takes root and loop devices.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.loopdisk import MODES, LoopDisk
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.strace import KILL
from tests.frozen.sweep import STEPS, Bench

REPORT = REPOSITORY / ".cache" / "reports"
# 0: every call.
SECONDS = float(os.environ.get("REAGENT_PROOF_S", "0"))

pytestmark = pytest.mark.timeout(6 * 3600)
long = pytest.mark.skipif(
    os.environ.get("REAGENT_PROOF") != "all", reason="takes long: nox -s proof"
)


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
    bench: Bench, disk: LoopDisk, dice: random.Random
) -> None:
    places = [(step, call) for step in STEPS for call in await bench.watch(step)]
    dice.shuffle(places)
    ran: Counter[str] = Counter()
    lost: list[str] = []
    begun = time.monotonic()

    for step, call in places:
        if SECONDS and time.monotonic() - begun > SECONDS:
            break
        where = f"{disk.mode}, {step.name}, cut at {call}"
        bench.restore(step.before)
        disk.sync()
        await bench.break_at(step, call, KILL)
        disk.cut()
        await bench.unit.device.kill_tree()
        disk.unmount()
        try:
            disk.check()
            disk.mount()
            ran[f"{step.name}, then {await bench.recovers(step, where)}"] += 1
        except (AssertionError, TimeoutError, SandboxError, OSError) as error:
            lost.append(f"{where}: {error}")
            await bench.unit.device.kill_tree()
            if not disk.at.is_mount():
                disk.mount()
        report(disk.mode, len(places), ran, lost)

    assert lost == []
    assert ran


def report(mode: str, places: int, ran: Counter[str], lost: list[str]) -> None:
    REPORT.mkdir(parents=True, exist_ok=True)
    whole = {"places": places, "cuts": ran.total() + len(lost), "ran": ran, "lost": lost}
    (REPORT / f"proof-ext4-{mode}.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
