"""A clock that is wrong, or jumps: online all the same, and never earlier or later for it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

import sandbox.wrong_clock
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import OwnEngine
from sandbox.program import Program
from tests.frozen.platform import connected
from tests.frozen.scripted_router import ScriptedRouter
from tests.frozen.steps import online
from tests.frozen.surroundings import answers, answers_still, without_traceback
from tests.frozen.test_tls_and_proxies import Certificate

pytestmark = pytest.mark.timeout(90)

YEAR = 365.2425 * 86400
DATES = {"1970": "1970-0", "2099": "2099-0"}


class Clock:
    """The clock of a device, which it starts with and which is set while it runs."""

    def __init__(self, device: Device) -> None:
        self._file = device.folder / "clock"
        self.set(0)
        device.prefix = (
            sys.executable, "-I", "-S", sandbox.wrong_clock.__file__, str(self._file),
        )  # fmt: skip

    def set(self, seconds: float) -> None:
        """So many seconds off from now on."""
        # In place and of one length: the tracer holds the file open.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(descriptor, f"{int(seconds):20}".encode(), 0)
        os.close(descriptor)

    def set_year(self, year: str) -> None:
        """The early days of that year."""
        self.set((int(year) - 1970) * YEAR + 40 * 86400 - time.time())


@pytest.mark.parametrize("year", DATES)
async def test_it_is_connected_whatever_the_clock_says(
    cloud: Cloud, device: Device, user: Caller, engine: OwnEngine, year: str
) -> None:
    clock = Clock(device)
    clock.set_year(year)

    await answers(cloud, device, user)

    assert {str(entry["time"])[:6] for entry in device.entries()} == {DATES[year]}
    without_traceback(device)
    assert await device.stop() == 0


@pytest.mark.parametrize(
    ("year", "says"),
    [("1970", "certificate is not yet valid"), ("2099", "certificate has expired")],
)
async def test_a_certificate_is_refused_by_a_wrong_clock_which_is_named_until_it_is_set(
    cloud: Cloud, program: Program, tmp_path: Path, year: str, says: str
) -> None:
    certificate = Certificate(tmp_path, "router.example")
    async with ScriptedRouter(certificate.serving()) as router:
        device = cloud.new_device(program, changes={"device_endpoint_url": router.url})
        device.environment["SSL_CERT_FILE"] = str(certificate.file)
        clock = Clock(device)
        clock.set_year(year)

        await device.start()
        entry = await device.logged("dial failed")
        clock.set(0)
        await connected(router, within=20.0)

        assert f"{says}; the clock of this device says {year}-02-" in str(entry["error"])
        assert await device.stop() == 0


async def test_a_clock_that_jumps_disturbs_nobody(
    cloud: Cloud, device: Device, user: Caller, engine: OwnEngine
) -> None:
    clock = Clock(device)
    await online(cloud, device)
    seen = len(cloud.backend.statuses(device.identity))

    for jump in (10 * YEAR, -30 * YEAR, 0):
        clock.set(jump)
        await answers_still(device, user)
        await asyncio.sleep(0.5)  # for whatever would come at once, and must not
    told = cloud.backend.statuses(device.identity)[seen:]
    clock.set(-30 * YEAR)
    await cloud.backend.cut(device.identity.authid)
    await cloud.backend.status(device.identity, "CONNECTED", since=seen + len(told), within=30.0)

    assert told == []
    assert device.exits == []
    without_traceback(device)
    assert await device.stop() == 0
