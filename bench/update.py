"""From a roll-out to CONNECTED on the new version: bytes, and seconds.

The device runs and is told to look, as the platform tells it, the moment the version is rolled out.
Two moments count: the new version is CONNECTED (on trial, from then on it does a device's work),
and it is CONNECTED for good. In between lie the hand-over, which waits for an idle second, and the
soak, which is a second here and half an hour in the field.

Every second version comes as what differs from the one before it, in turn with those that come
whole. Beside both: the same bytes fetched by a bare HTTP client onto the same disk, and the
agent's own start, which every way to another version has to pay at least.
"""

import asyncio
import hashlib
import json
import os
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Figure, Sample
from reagent_build.targets import Target
from reagent_release import layout
from reagent_release.deltas import packed
from sandbox.callers import USER, Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.images import architecture
from sandbox.program import Program
from sandbox.variants import Origin

SOAK_S: Final = 1.0
_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.005
# Quick to make; the pipeline takes more time over it and gets fewer bytes.
_LEVEL: Final = 12


@dataclass(slots=True)
class _Runs:
    """What updates of one kind took, one entry for each.

    Attributes:
        moved: bytes that the bucket served.
        tried: seconds until the new version was CONNECTED, on trial.
        taken: seconds until it was for good.
    """

    moved: list[float] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    """Update after update of one device, so many of each kind.

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
    whole, delta = _Runs(), _Runs()
    fetched: list[float] = []
    before = program.version
    async with Caller(cloud.router, USER, within=_WITHIN_S) as caller:
        for number in range(1, 2 * runs + 1):
            version = f"1.1.{number}"
            cloud.bucket.publish(version, origin.variant(version))
            if number % 2 == 0:
                difference = packed(origin.variant(before), origin.variant(version), level=_LEVEL)
                cloud.bucket.put(layout.delta(_target(), version, before), difference)
            await _update(cloud, device, caller, version, whole if number % 2 else delta)
            before = version
            await asyncio.sleep(1.0)
            fetched.append(await asyncio.to_thread(_fetch, cloud, device, version))
    await device.stop()
    return _figures(whole, delta, [each + start for each in fetched], len(origin.content))


async def _update(cloud: Cloud, device: Device, caller: Caller, version: str, runs: _Runs) -> None:
    cloud.bucket.forget()
    begun = time.monotonic()
    cloud.bucket.roll_out(version)
    await caller.ask(device.identity, "update_agent")
    await _says(cloud, device, version)
    runs.tried.append(time.monotonic() - begun)
    await _is_committed(device, version)
    await _says(cloud, device, version)
    runs.taken.append(time.monotonic() - begun)
    runs.moved.append(sum(each.sent for each in cloud.bucket.requests))


def _figures(whole: _Runs, delta: _Runs, reference: list[float], size: int) -> list[Figure]:
    beside = "the same file by a bare HTTP client onto the same disk, and one start of the agent"
    least, executable = Sample.of(reference, "s"), Sample.of([size], "MB")
    note = (
        f"with a soak of {SOAK_S:g} s (in the field: 1,800 s); the hand-over waits a second, so "
        "that its answer gets out"
    )
    return [
        Figure("bytes of an update", Sample.of(whole.moved, "MB"), "the executable", executable),
        Figure(
            "bytes of an update, by what differs",
            Sample.of(delta.moved, "MB"),
            "the executable",
            executable,
            note="two builds that differ in their version; real ones are in docs/decisions/0018",
        ),
        Figure(
            "roll-out to CONNECTED on the new version", Sample.of(whole.tried, "s"), beside, least
        ),
        Figure(
            "roll-out to CONNECTED on the new version, by what differs",
            Sample.of(delta.tried, "s"),
            beside,
            least,
        ),
        Figure(
            "roll-out to CONNECTED for good", Sample.of(whole.taken, "s"), beside, least, note=note
        ),
        Figure(
            "roll-out to CONNECTED for good, by what differs",
            Sample.of(delta.taken, "s"),
            beside,
            least,
            note=note,
        ),
    ]


def _target() -> Target:
    return Target("linux", architecture())


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
    name = layout.executable(_target(), version)
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
