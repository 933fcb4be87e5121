"""CPU of the agent for a container that prints 100,000 lines of 6 bytes while somebody listens."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from bench.figures import Budget, Figure, Sample
from bench.leftovers import removed
from bench.processes import cpu
from sandbox import images
from sandbox.callers import SYSTEM, Caller, Logs
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program

LINES: Final = 100_000
CPU: Final = Budget(1.0, "s")
READER: Final = Path(__file__).parent / "reference/logreader.py"
_QUIET, _LOUD = "counter", "burst"
_SETTLE_S: Final = 1.0
_WITHIN_S: Final = 120.0


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Figure]:
    """An app that prints little, then one that prints all, in turn; both fetched before."""
    device = cloud.new_device(program)
    whole, start, reading, lost = [], [], [], []
    keys = {name: key for key, name in enumerate((_QUIET, _LOUD), start=201)}
    pushed = [
        cloud.registry.push_app(key, name, "1.0.0", images.app(name)) for name, key in keys.items()
    ]
    made = [device.container(key, name) for name, key in keys.items()]
    async with (
        removed(cloud, device, made, pushed),
        Caller(cloud.router, SYSTEM, within=60) as caller,
    ):
        await device.start()
        await cloud.backend.status(device.identity, "CONNECTED")
        apps = {name: _App(cloud, device, caller, key, name) for name, key in keys.items()}
        for app in apps.values():
            await app.bring("PRESENT")
        for _ in range(runs):
            for name, app in apps.items():
                logs = await caller.logs(device.identity, app.container)
                before = cpu(device.pid)
                await app.bring("RUNNING")
                if name == _QUIET:
                    await logs.until_line("line 1")
                    await asyncio.sleep(_SETTLE_S)
                    start.append(cpu(device.pid) - before)
                else:
                    lost.append(await _missing(logs))
                    await asyncio.sleep(_SETTLE_S)
                    whole.append(cpu(device.pid) - before)
                    reading.append(await _read_bare(cloud, app.container))
                await app.bring("PRESENT")
    sdk = "a bare Python script that reads the same log through the docker SDK and counts"
    return [
        Figure(
            f"CPU for {LINES:,} log lines",
            Sample.of(whole, "s"),
            sdk,
            Sample.of(reading, "s"),
            CPU,
            note=f"with starting the container, which alone takes {Sample.of(start, 's').shown()}; "
            f"lines lost: {max(lost)}",
        )
    ]


class _App:
    """One app on the device."""

    def __init__(self, cloud: Cloud, device: Device, caller: Caller, key: int, name: str) -> None:
        self._cloud, self._device, self._caller = cloud, device, caller
        self._key, self._name = key, name
        self.container = device.container(key, name)

    async def bring(self, target: str) -> None:
        """Ask for a state and wait until it is reported."""
        who, backend = self._device.identity, self._cloud.backend
        known = backend.states(who, self._key)
        wanted: dict[str, object] = {
            "app_key": self._key,
            "app_name": self._name,
            "stage": "PROD",
            "current_state": known[-1] if known else "REMOVED",
            "target_state": target,
            "release_key": 900,
            "requestor_account_key": who.owner_account,
            "present_version": "1.0.0",
            "newest_version": "1.0.0",
        }
        await self._caller.ask(who, "request_app_state", **wanted)
        await backend.state(who, self._key, target, since=len(known), within=_WITHIN_S)


async def _missing(logs: Logs) -> int:
    """How many of the lines did not arrive, once the last one or the time limit has come."""
    last = f"{LINES - 1:05d}"
    # Not every line after every event: the caller shares the machine with what is measured.
    await logs.events.until(
        lambda heard: last in str(heard[-1].args[:1]) if heard else False, _WITHIN_S
    )
    seen = {line for line in logs.lines if len(line) == len(last) and line.isdigit()}
    return LINES - len(seen)


async def _read_bare(cloud: Cloud, container: str) -> float:
    """CPU seconds that the reference takes to read the log of `container`.

    Raises:
        RuntimeError: it did not see every line.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(READER),
        cloud.engine.address,
        container,
        str(LINES),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(), _WITHIN_S)
    seen, took = said.split()
    if int(seen) < LINES:
        raise RuntimeError(f"the reference saw {int(seen)} of {LINES} lines")
    return float(took)
