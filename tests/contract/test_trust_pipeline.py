"""What the pipeline signs is what devices believe: the real `nox -s keys publish rollout`, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent.adapters.localfile import LocalFiles
from reagent.contracts.trust import Rule
from reagent.errors import Untrusted
from reagent_build.targets import Target
from reagent_release.steps import sha256
from sandbox.bucket import Bucket
from tests.contract.trusting import OURS, Device
from tests.fakes.repository import Repository
from tests.pipeline.signed_place import DAY, SignedRepository


class Owner(Repository):
    """Stands in for the simulator: where a device finds bucket and root of a pipeline."""

    def __init__(self, bucket: Bucket, root: bytes) -> None:
        self.bucket = bucket
        self.roots = [root]


@pytest.fixture
def pipeline(tmp_path: Path) -> SignedRepository:
    made = SignedRepository(tmp_path / "repository")
    made.release("1.0.1")
    return made


@pytest.fixture
def device(tmp_path: Path, pipeline: SignedRepository) -> Iterator[Device]:
    folder = tmp_path / "device"
    folder.mkdir()
    root = (pipeline.ring / "roots/1.root.json").read_bytes()
    with Bucket(pipeline.bucket.root) as bucket:
        made = Device(folder, Owner(bucket, root))
        set_to(made, pipeline)
        yield made


def set_to(device: Device, pipeline: SignedRepository) -> None:
    """Its clock goes with the pipeline's."""
    device.clock._now = pipeline.now


async def announced(device: Device) -> tuple[str, str, int | None]:
    version = await device.catalogue.latest()
    release = await device.catalogue.release(version)
    return version, release.sha256, release.size


async def test_a_release_is_believed(device: Device, pipeline: SignedRepository) -> None:
    content = (pipeline.out / Target("linux", "amd64").file_name).read_bytes()

    assert await announced(device) == ("1.0.1", sha256(content), len(content))
    assert OURS < "1.0.1"


async def test_every_later_release_is_believed(device: Device, pipeline: SignedRepository) -> None:
    for number in range(2, 5):
        pipeline.now += 10 * DAY
        set_to(device, pipeline)
        pipeline.release(f"1.0.{number}")
        device.start()

        assert (await announced(device))[0] == f"1.0.{number}"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_a_new_key_is_believed(device: Device, pipeline: SignedRepository, role: str) -> None:
    await announced(device)
    assert pipeline.run("keys", "rotate", role) == 0
    assert pipeline.run("keys", "refresh") == 0
    pipeline.release("1.0.2")

    assert (await announced(device))[0] == "1.0.2"
    assert device.memory.record.seen["root"].version == 2


async def test_four_rotations_that_were_missed_are_believed(
    device: Device, pipeline: SignedRepository
) -> None:
    """Roots of a decade ago among them, expired by now."""
    for words in (
        ("rotate", "timestamp"),
        ("rotate", "root", "--drop", "root-1"),
        ("renew",),
        ("rotate", "root", "--drop", "root-2"),
    ):
        pipeline.now += 1800 * DAY
        assert pipeline.run("keys", *words) == 0
        assert pipeline.run("keys", "refresh") == 0
    set_to(device, pipeline)
    pipeline.release("1.0.2")

    assert (await announced(device))[0] == "1.0.2"
    assert device.memory.record.seen["root"].version == 5


async def test_what_is_not_refreshed_is_refused_until_it_is(
    device: Device, pipeline: SignedRepository
) -> None:
    pipeline.now += 31 * DAY
    set_to(device, pipeline)
    with pytest.raises(Untrusted) as refused:
        await announced(device)
    assert refused.value.rule == Rule.FREEZE

    assert pipeline.run("keys", "refresh") == 0

    assert (await announced(device))[0] == "1.0.1"


async def test_after_a_theft_the_fleet_goes_on(device: Device, pipeline: SignedRepository) -> None:
    await announced(device)
    for role in ("targets", "snapshot", "timestamp"):
        assert pipeline.run("keys", "rotate", role) == 0
    assert pipeline.run("keys", "refresh", "--forget") == 0
    with pytest.raises(Untrusted) as refused:
        await announced(device)
    assert refused.value.rule == Rule.UNLISTED

    pipeline.release("1.0.2")

    assert (await announced(device))[0] == "1.0.2"


async def test_a_stick_of_the_pipeline_is_believed(
    device: Device, pipeline: SignedRepository, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    assert pipeline.run("keys", "bundle", "1.0.1", "linux/amd64", str(stick)) == 0
    device.repository.bucket.stop()
    file = stick / "linux/amd64/1.0.1/reagent"

    digest = await device.catalogue.vouched(str(file), LocalFiles())

    assert digest == sha256(file.read_bytes())
