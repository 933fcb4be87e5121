"""An update by what differs: the real decoder, on what the pipeline makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reagent_release.deltas import packed
from sandbox.bucket_faults import Fault
from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.under_test import target as target_under_test
from tests.frozen.updating import Press, Unit, started

NEW = "1.1.0"

pytestmark = pytest.mark.timeout(150)


def publish_delta(press: Press, base: str, *, spoiled: bool = False) -> int:
    """Put what differs between two versions beside the newer one; returns its bytes."""
    delta = packed(press.origin.variant(base), press.origin.variant(NEW), level=12)
    put_delta(press, base, delta[:-8] + bytes(8) if spoiled else delta)
    return len(delta)


def put_delta(press: Press, base: str, content: bytes) -> None:
    target = target_under_test()
    press.cloud.bucket.put(f"{target.os}/{target.stamp}/{NEW}/from-{base}.zst", content)


async def test_a_device_takes_what_differs_and_nothing_else(cloud: Cloud, program: Program) -> None:
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    press.release(NEW)
    size = publish_delta(press, program.version)

    await started(unit)
    await unit.on(NEW)

    assert cloud.bucket.asked(f"*/{NEW}/reagent") == ()
    assert len(cloud.bucket.asked("*.zst")) == 1
    assert size < 0.005 * len(press.origin.content)
    staged = unit.folder / f"reagent-v{NEW}"
    assert staged.read_bytes() == press.origin.variant(NEW)


async def test_a_bomb_takes_no_memory_and_the_whole_is_taken(
    cloud: Cloud, program: Program
) -> None:
    """Some kilobytes that would be 240 MB: less than any file may have, more than two of ours."""
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    press.release(NEW)
    base = press.origin.variant(program.version)
    put_delta(press, program.version, packed(base, bytes(240 * 1024 * 1024), level=1))

    await started(unit)
    said = await unit.device.logged("the short way led nowhere")
    peak = most_memory(unit)
    await unit.on(NEW)

    assert "what it makes is too large" in str(said["error"])
    assert peak < 220 * 1024 * 1024
    assert len(cloud.bucket.asked(f"*/{NEW}/reagent")) == 1


def most_memory(unit: Unit) -> int:
    """Bytes that the agent had at its most."""
    status = Path(f"/proc/{unit.device.pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1])


@pytest.mark.parametrize("broken", ["spoiled", "missing", "stalled"])
async def test_where_it_leads_nowhere_the_whole_is_taken_once(
    cloud: Cloud, program: Program, broken: str
) -> None:
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    press.release(NEW)
    if broken != "missing":
        publish_delta(press, program.version, spoiled=broken == "spoiled")
    if broken == "stalled":
        cloud.bucket.break_with(Fault.RESET, only="*.zst")

    await started(unit)
    await unit.on(NEW)

    assert len(cloud.bucket.asked(f"*/{NEW}/reagent")) == 1
