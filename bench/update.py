"""From a roll-out to CONNECTED on the new version: bytes, and seconds.

The device runs and is told to look, as the platform tells it, the moment the version is rolled out.
Two moments count: the new version is CONNECTED (on trial, from then on it does a device's work),
and it is CONNECTED for good. In between lie the hand-over, which waits for an idle second, and the
soak, which is a second here and half an hour in the field.

Beside it, in turn with it: the same bytes fetched by a bare HTTP client onto the same disk, and the
agent's own start, which every way to another version has to pay at least.
"""

import asyncio
import hashlib
import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Final

from bench.figures import Figure, Sample
from reagent_build.targets import Target
from reagent_release import layout
from sandbox.callers import USER, Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.images import architecture
from sandbox.program import Program
from sandbox.variants import Origin

SOAK_S: Final = 1.0
_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.005


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    """Update after update of one device.

    Raises:
        SandboxError: the program is no static executable.
    """
    origin = Origin.of(program.executable, program.version)
    device = cloud.new_device(program, flags=(f"-remoteUpdateURL={cloud.bucket.url}",))
    device.environment |= {"REAGENT_UPDATE_PROOF_S": "30", "REAGENT_UPDATE_SOAK_S": f"{SOAK_S:g}"}
    cloud.bucket.roll_out(program.version)
    begun = time.monotonic()
    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED")
    start = time.monotonic() - begun
    tried: list[float] = []
    taken: list[float] = []
    moved: list[float] = []
    fetched: list[float] = []
    async with Caller(cloud.router, USER, within=_WITHIN_S) as caller:
        for number in range(1, runs + 1):
            version = f"1.1.{number}"
            cloud.bucket.publish(version, origin.variant(version))
            cloud.bucket.forget()
            begun = time.monotonic()
            cloud.bucket.roll_out(version)
            await caller.ask(device.identity, "update_agent")
            await _says(cloud, device, version)
            tried.append(time.monotonic() - begun)
            await _is_committed(device, version)
            await _says(cloud, device, version)
            taken.append(time.monotonic() - begun)
            moved.append(sum(each.sent for each in cloud.bucket.requests))
            await asyncio.sleep(1.0)
            fetched.append(await asyncio.to_thread(_fetch, cloud, device, version))
    await device.stop()
    beside = "the same file by a bare HTTP client onto the same disk, and one start of the agent"
    reference = Sample.of([each + start for each in fetched], "s")
    size = len(origin.content)
    return [
        Figure(
            "bytes of an update",
            Sample.of(moved, "MB"),
            "the executable",
            Sample.of([size], "MB"),
        ),
        Figure(
            "roll-out to CONNECTED on the new version", Sample.of(tried, "s"), beside, reference
        ),
        Figure(
            "roll-out to CONNECTED for good",
            Sample.of(taken, "s"),
            beside,
            reference,
            note=(
                f"with a soak of {SOAK_S:g} s (in the field: 1,800 s); the hand-over waits a "
                "second, so that its answer gets out"
            ),
        ),
    ]


async def _says(cloud: Cloud, device: Device, version: str) -> None:
    """Wait until the device is CONNECTED and says that it is this version."""
    who = device.identity
    said = cloud.backend.database.architecture
    await cloud.backend.until(
        lambda: (
            said(who.device_key).get("agent_version") == version
            and cloud.backend.statuses(who)[-1:] == ["CONNECTED"]
        ),
        _WITHIN_S,
    )


async def _is_committed(device: Device, version: str) -> None:
    """Wait until the trial is over, and the candidate with it."""
    ledger = device.flashed.folder / "updates.json"
    async with asyncio.timeout(_WITHIN_S):
        while True:
            if (
                device.flashed.active.resolve().name == f"reagent-v{version}"
                and not json.loads(ledger.read_bytes()).get("trial")
                and not device.leftovers()
            ):
                return
            await asyncio.sleep(_POLL_S)


def _fetch(cloud: Cloud, device: Device, version: str) -> float:
    """What it takes at least: every byte, on the disk, checked."""
    name = layout.executable(Target("linux", architecture()), version)
    target = Path(device.folder, "fetched")
    begun = time.monotonic()
    digest = hashlib.sha256()
    with (
        urllib.request.urlopen(f"{cloud.bucket.url}/re-agent/{name}", timeout=30) as answer,
        target.open("wb") as file,
    ):
        while chunk := answer.read(1 << 18):
            file.write(chunk)
            digest.update(chunk)
        file.flush()
        os.fsync(file.fileno())
    took = time.monotonic() - begun
    target.unlink()
    return took
