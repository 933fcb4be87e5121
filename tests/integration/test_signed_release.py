"""Signed from end to end: keys are made, a release is published, signed and rolled out by the
pipeline, and a device that trusts the root takes it; what nobody signed for it does not.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reagent_build.targets import Target
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from sandbox.under_test import machine
from tests.frozen.steps import online, until
from tests.frozen.tiny import elf
from tests.pipeline.release_place import leave
from tests.pipeline.signed_place import ROOT, SignedRepository

pytestmark = pytest.mark.timeout(120)


class Owner(SignedRepository):
    """A repository whose releases go into the cloud's bucket, for this machine, and can be run."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        super().__init__(folder)
        ring = {"REAGENT_TRUST_KEYS": str(self.ring), "REAGENT_BUCKET": str(cloud.bucket.root)}
        self.place = replace(self.place, environment=ring)
        self.target: Target = machine()
        (folder / "targets").write_text(f"{self.target}\n")

    def build(self, *_targets: str, filler: bytes = b"") -> None:
        """A few bytes that say their version."""
        leave(self.out / self.target.file_name, elf(self.version) + filler)


@pytest.fixture
def owner(tmp_path: Path, cloud: Cloud) -> Owner:
    return Owner(tmp_path / "owner", cloud)


@pytest.fixture
def device(cloud: Cloud, program: Program, owner: Owner) -> Device:
    made = cloud.new_device(program, flags=(f"-remoteUpdateURL={cloud.bucket.url}",))
    made.environment["REAGENT_TRUST_ROOTS"] = str(owner.ring / "roots")
    return made


def staged(device: Device) -> set[str]:
    names = {
        each.name.removeprefix("reagent-v") for each in device.flashed.folder.glob("reagent-v*")
    }
    return names - {device.program.version}


async def test_a_signed_release_is_taken_and_an_unsigned_one_is_not(
    cloud: Cloud, device: Device, owner: Owner, system: Caller
) -> None:
    owner.release("1.1.0")

    await online(cloud, device)
    await until(lambda: staged(device) == {"1.1.0"}, within=30.0)
    cloud.bucket.publish("1.2.0", elf("1.2.0"))
    cloud.bucket.roll_out("1.2.0")
    answer = (await system.ask(device.identity, "update_agent")).value
    metadata = (await system.ask(device.identity, "get_agent_metadata")).value

    assert isinstance(answer, dict)
    assert isinstance(metadata, dict)
    assert metadata["signedUpdates"] is True
    assert metadata["latestVersion"] == "1.1.0"
    assert staged(device) == {"1.1.0"}
    assert cloud.bucket.asked("*/1.2.0/*") == ()
    trust = json.loads((device.flashed.folder / "updates.json").read_text())["trust"]
    assert set(trust["seen"]) == {"root", "timestamp", "snapshot", "targets"}


async def test_a_file_that_somebody_replaced_is_refused_and_leaves_nothing(
    cloud: Cloud, device: Device, owner: Owner
) -> None:
    owner.release("1.1.0")
    name = f"{owner.target.os}/{owner.target.stamp}/1.1.0/reagent"
    cloud.bucket.put(name, elf("1.1.0") + bytes(len(ROOT)))

    await online(cloud, device)
    await until(lambda: "no update" in device.log.read_text("utf-8"), within=30.0)

    (line,) = (each for each in device.log.read_text("utf-8").splitlines() if '"no update"' in each)
    assert json.loads(line)["slug"] == "damaged"
    assert staged(device) == set()
    assert list((device.flashed.folder / "downloads").iterdir()) == []
