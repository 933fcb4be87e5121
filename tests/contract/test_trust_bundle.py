"""A USB stick in a valley without network: a copy of a part of the bucket, judged like the bucket."""

from __future__ import annotations

import hashlib
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from reagent.adapters.localfile import LocalFiles
from reagent.contracts.trust import Rule
from reagent.errors import Untrusted
from tests.contract.trusting import Device, executable
from tests.fakes.repository import Repository

DAY = timedelta(days=1)
FILE = "linux/amd64/1.0.1/reagent"


@pytest.fixture
def stick(tmp_path: Path, repository: Repository) -> Path:
    """What somebody copied from the bucket; then the line to it is gone."""
    folder = tmp_path / "stick"
    shutil.copytree(repository.bucket.root / "re-agent", folder)
    repository.bucket.stop()
    return folder


async def vouched(device: Device, file: Path) -> str:
    return await device.catalogue.vouched(str(file), LocalFiles())


async def test_a_file_that_was_signed_for_is_vouched_for(device: Device, stick: Path) -> None:
    assert await vouched(device, stick / FILE) == hashlib.sha256(executable("1.0.1")).hexdigest()
    assert device.memory.record.seen["targets"].version == 1


async def test_it_may_lie_right_beside_the_metadata_under_any_name(
    device: Device, stick: Path
) -> None:
    file = stick / "new-agent"
    (stick / FILE).rename(file)

    assert await vouched(device, file) == hashlib.sha256(executable("1.0.1")).hexdigest()


async def test_the_timestamp_of_a_stick_may_be_expired(device: Device, stick: Path) -> None:
    device.believe(device.repository.now + 60 * DAY)

    assert await vouched(device, stick / FILE)


async def test_and_nothing_else_may(device: Device, stick: Path) -> None:
    device.believe(device.repository.now + 400 * DAY)

    with pytest.raises(Untrusted) as refused:
        await vouched(device, stick / FILE)

    assert refused.value.rule == Rule.FREEZE


async def test_a_stick_that_is_older_than_what_was_seen_is_refused(
    device: Device, stick: Path
) -> None:
    device.repository.bucket.start()
    device.repository.publish()
    await device.catalogue.latest()

    with pytest.raises(Untrusted) as refused:
        await vouched(device, stick / FILE)

    assert refused.value.rule == Rule.ROLLBACK


async def test_a_file_that_was_changed_is_vouched_for_by_nobody(
    device: Device, stick: Path
) -> None:
    (stick / FILE).write_bytes(executable("1.0.2"))

    with pytest.raises(Untrusted) as refused:
        await vouched(device, stick / FILE)

    assert refused.value.rule == Rule.UNLISTED
    assert device.memory.record.refused is None or device.memory.record.refused.rule


async def test_nor_is_one_for_another_machine(
    device: Device, repository: Repository, tmp_path: Path
) -> None:
    repository.add_executable("1.0.1", b"\x7fELF of another", arch="arm64")
    repository.publish()
    folder = tmp_path / "stick"
    shutil.copytree(repository.bucket.root / "re-agent", folder)

    with pytest.raises(Untrusted, match="arch 'arm64', not 'amd64'") as refused:
        await vouched(device, folder / "linux/arm64/1.0.1/reagent")

    assert refused.value.rule == Rule.WRONG_TARGET


async def test_metadata_of_somebody_else_is_no_help(device: Device, stick: Path) -> None:
    (stick / "trust/timestamp.json").write_bytes(b"<html>")

    with pytest.raises(Untrusted) as refused:
        await vouched(device, stick / FILE)

    assert refused.value.rule == Rule.NO_METADATA


async def test_without_metadata_on_the_stick_the_bucket_counts(
    device: Device, stick: Path, tmp_path: Path
) -> None:
    device.repository.bucket.start()
    file = tmp_path / "elsewhere" / "reagent"
    file.parent.mkdir()
    shutil.copy(stick / FILE, file)

    assert await vouched(device, file)


async def test_what_a_stick_brought_is_no_reason_to_skip_the_next_look(
    device: Device, stick: Path
) -> None:
    device.believe(device.repository.now + 60 * DAY)
    await vouched(device, stick / FILE)
    device.repository.bucket.start()

    with pytest.raises(Untrusted) as refused:
        await device.catalogue.latest()

    assert refused.value.rule == Rule.FREEZE
