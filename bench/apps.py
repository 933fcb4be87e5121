"""What fifty idle apps add to an idle agent: memory, and CPU in a minute."""

import asyncio
from typing import Final

from bench.figures import Budget, Figure, Sample
from bench.idle import AFTER_S
from bench.leftovers import removed
from bench.processes import cpu, memory
from sandbox import images
from sandbox.cloud import Cloud
from sandbox.program import Program

APPS: Final = 50
MORE: Final = Budget(10e6, "MB")
CPU: Final = Budget(0.6, "ms")
_WAITS: Final = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done"
_START_S: Final = 240.0


async def measure(cloud: Cloud, program: Program, minutes: float) -> list[Figure]:
    """The reference is the same agent before it was told of any app."""
    device = cloud.new_device(program)
    who = device.identity
    await device.start()
    await cloud.backend.status(who, "CONNECTED")
    await asyncio.sleep(AFTER_S)
    before = memory(device.pid)
    await device.stop()

    image = images.make(["/bin/sh", "-c", _WAITS])
    keys = range(301, 301 + APPS)
    pushed = [cloud.registry.push_app(key, "idle", "1.0.0", image) for key in keys]
    for key in keys:
        cloud.backend.database.want_app(who.device_key, _row(key, who.owner_account))
    async with removed(cloud, device, [device.container(key, "idle") for key in keys], pushed):
        await device.start()
        for key in keys:
            await cloud.backend.state(who, key, "RUNNING", within=_START_S)
        await asyncio.sleep(AFTER_S)
        installed = memory(device.pid)
        await device.stop()

        seen = len(cloud.backend.statuses(who))
        await device.start()
        await cloud.backend.status(who, "CONNECTED", since=seen, within=_START_S)
        await asyncio.sleep(AFTER_S)
        idle = memory(device.pid)
        begun = cpu(device.pid)
        await asyncio.sleep(60 * minutes)
        used = (cpu(device.pid) - begun) / minutes

    budget = Budget(before.pss + MORE.limit, "MB")
    return [
        Figure(
            what,
            Sample.of([held.pss], "MB"),
            "the same agent without apps",
            Sample.of([before.pss], "MB"),
            budget,
            note=f"of it anonymous {held.anonymous / 1e6:.1f} MB",
        )
        for what, held in (
            (f"PSS with {APPS} idle apps, {AFTER_S:.0f} s after CONNECTED", idle),
            (f"PSS {AFTER_S:.0f} s after installing and starting {APPS} apps", installed),
        )
    ] + [Figure(f"CPU in a minute with {APPS} idle apps", Sample.of([used], "ms"), budget=CPU)]


def _row(key: int, account: int) -> dict[str, object]:
    return {
        "app_key": key,
        "app_name": "idle",
        "stage": "PROD",
        "current_state": "REMOVED",
        "target_state": "RUNNING",
        "release_key": 900,
        "requestor_account_key": account,
        "present_version": "1.0.0",
        "newest_version": "1.0.0",
    }
