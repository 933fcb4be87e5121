"""A device takes what was signed for, over HTTP, whatever its clock says; and forgets nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reagent.contracts.trust import Rule
from reagent.errors import DownloadFailed, Untrusted
from reagent.updates.seat import Role
from reagent.updates.trust.stages import place
from tests.contract.trusting import Device, executable
from tests.fakes.authority import Authority
from tests.fakes.front import in_front_of
from tests.fakes.repository import NOW, Repository

DAY = timedelta(days=1)


async def test_what_was_signed_for_is_staged(device: Device) -> None:
    staged = await device.update()

    assert (staged.version, device.versions) == ("1.0.1", {"1.0.1"})
    assert device.reads == 1


async def test_a_release_costs_a_handful_of_requests_and_no_sidecar(device: Device) -> None:
    await device.update()

    asked = [each.path.removeprefix("re-agent/") for each in device.repository.bucket.requests]
    assert asked == [
        "trust/2.root.json",
        "trust/timestamp.json",
        "trust/1.snapshot.json",
        "trust/1.targets.json",
        "rollout/1.json",
        "linux/amd64/1.0.1/reagent",
    ]


async def test_nothing_new_costs_two_requests(device: Device) -> None:
    await device.update()
    device.start()
    await device.catalogue.latest()
    device.repository.bucket.forget()

    await device.catalogue.latest()

    asked = [each.path.removeprefix("re-agent/") for each in device.repository.bucket.requests]
    assert asked == ["trust/2.root.json", "trust/timestamp.json"]


async def test_the_next_release_is_taken_after_a_restart(device: Device) -> None:
    await device.update()
    device.start()
    device.repository.release("1.0.2", executable("1.0.2"))

    await device.update()

    assert device.versions == {"1.0.1", "1.0.2"}


async def test_four_rotations_that_were_missed_pass_although_the_roots_between_are_expired(
    device: Device,
) -> None:
    await device.update()
    repository = device.repository
    repository.lifetimes["root"] = 10 * DAY
    for role in ("timestamp", "root", "targets", "snapshot"):
        repository.now += 30 * DAY
        repository.rotate(role)
    repository.release("1.0.2", executable("1.0.2"))
    device.believe(repository.now + DAY)

    await device.update()

    assert device.versions == {"1.0.1", "1.0.2"}
    assert device.memory.record.seen["root"].version == 5


async def test_a_root_that_was_learnt_is_not_asked_for_again(device: Device) -> None:
    device.repository.rotate("timestamp")
    device.repository.publish()
    await device.update()
    device.start()
    device.repository.bucket.forget()

    await device.catalogue.latest()

    assert device.repository.bucket.asked("*/trust/2.root.json") == ()
    assert len(device.repository.bucket.asked("*/trust/3.root.json")) == 1


# --- time


@pytest.mark.parametrize("year", [1970, 2020, 2099])
async def test_a_clock_that_nobody_set_keeps_no_update_away(device: Device, year: int) -> None:
    device.synchronised = False
    device.believe(datetime(year, 1, 1, tzinfo=UTC))

    await device.update()

    assert device.versions == {"1.0.1"}


@pytest.mark.parametrize("year", [1970, 2099])
async def test_nor_does_a_certificate_that_such_a_clock_cannot_judge(
    device: Device, tmp_path: Path, year: int
) -> None:
    """Of an authority that nobody knows, for another name, and of another time, on top of it."""
    device.synchronised = False
    device.believe(datetime(year, 1, 1, tzinfo=UTC))
    context = Authority(tmp_path, "gone").server("elsewhere", starts=-2 * DAY, ends=-DAY)

    async with in_front_of(device.repository.bucket, context) as url:
        device.remote = url
        device.start()
        await device.update()

    assert device.versions == {"1.0.1"}


async def test_a_clock_that_is_set_to_2099_refuses_and_leaves_no_trace(device: Device) -> None:
    device.believe(datetime(2099, 1, 1, tzinfo=UTC))
    with pytest.raises(Untrusted) as refused:
        await device.update()
    assert refused.value.rule == Rule.FREEZE

    device.believe(NOW)
    await device.update()

    assert device.versions == {"1.0.1"}
    assert device.memory.record.refused is None


async def test_without_a_clock_signed_data_tells_what_is_expired(device: Device) -> None:
    """Months later somebody shows targets of long ago under a fresh timestamp."""
    device.synchronised = False
    device.repository.lifetimes["targets"] = 10 * DAY
    device.repository.publish()
    device.repository.now += 100 * DAY
    repository = device.repository
    repository.versions["timestamp"] += 1
    repository.resign_timestamp()

    with pytest.raises(Untrusted) as refused:
        await device.update()

    assert refused.value.rule == Rule.FREEZE
    assert "targets" in refused.value.why


async def test_the_floor_outlives_the_process(device: Device) -> None:
    device.synchronised = False
    old = device.repository.copy()
    device.repository.now += 400 * DAY
    device.repository.publish()
    await device.update()
    device.kept.unlink()
    device.start()
    record = json.loads((device.folder / "updates.json").read_text())
    for seen in record["trust"]["seen"].values():
        seen["version"] = 1  # so that nothing but time stands in the way
    (device.folder / "updates.json").write_text(json.dumps(record))
    device.start()
    device.repository.show(old)

    with pytest.raises(Untrusted) as refused:
        await device.update()

    assert refused.value.rule == Rule.FREEZE


async def test_a_thief_who_signed_the_future_is_forgotten_with_his_key(device: Device) -> None:
    device.synchronised = False
    repository = device.repository
    honest, repository.now = repository.now, repository.now + 300 * DAY
    repository.versions["timestamp"] = 2_000_000_000
    repository.resign_timestamp()
    await device.update()
    device.start()

    repository.now = honest + DAY
    repository.versions["timestamp"] = 5
    assert device.memory.record.seen["timestamp"].issued > repository.now.timestamp()
    repository.rotate("timestamp")
    repository.release("1.0.2", executable("1.0.2"))
    await device.update()

    assert device.versions == {"1.0.1", "1.0.2"}
    assert device.memory.record.seen["timestamp"].version == 6


# --- what is kept


async def test_a_version_on_trial_writes_nothing_down(device: Device) -> None:
    device.role = Role.CANDIDATE
    device.start()

    assert await device.catalogue.latest() == "1.0.1"

    assert sorted(each.name for each in device.folder.iterdir()) == ["downloads"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b"\0" * 4096])
async def test_metadata_that_is_torn_on_the_disk_is_fetched_again(
    device: Device, content: bytes
) -> None:
    await device.update()
    device.kept.write_bytes(content)
    device.start()

    assert await device.catalogue.latest() == "1.0.1"


async def test_a_working_copy_is_always_thrown_away(device: Device) -> None:
    await device.update()
    device.repository.bucket.put("trust/timestamp.json", b"<html>")
    with pytest.raises(Untrusted):
        await device.update()

    assert list(device.folder.glob("reagent-trust.*")) == []


async def test_a_bucket_that_cannot_be_reached_is_no_matter_of_trust(device: Device) -> None:
    device.repository.bucket.stop()

    with pytest.raises(DownloadFailed) as failed:
        await device.update()

    assert not isinstance(failed.value, Untrusted)
    assert device.memory.record.refused is None


def staged_document(**other: object) -> dict[str, object]:
    stage: dict[str, object] = {
        "version": "1.0.2", "begun": int(NOW.timestamp()), "curve": [[10, 100]], "salt": "b7f3",
        "approved": True, "paused": 0, "critical": False,
    }  # fmt: skip
    return {"versions": {"test": "1.0.1"}, "stages": {"test": {**stage, **other}}}


async def test_a_device_takes_a_staged_version_when_its_turn_comes(
    device: Device, repository: Repository
) -> None:
    repository.release("1.0.2", executable("1.0.2"))
    repository.roll_out_document(staged_document())
    turn = timedelta(hours=10 * place("b7f3", "SN-1"))

    device.believe(NOW + turn - timedelta(minutes=5))
    before = await device.catalogue.latest()
    device.believe(NOW + turn + timedelta(minutes=5))
    after = await device.catalogue.latest()

    assert (before, after) == ("1.0.1", "1.0.2")


async def test_a_device_that_does_not_know_the_time_goes_by_what_is_signed(
    device: Device, repository: Repository
) -> None:
    repository.release("1.0.2", executable("1.0.2"))
    repository.roll_out_document(staged_document())
    device.synchronised = False
    device.believe(datetime(2099, 1, 1, tzinfo=UTC))
    before = await device.catalogue.latest()

    repository.now = NOW + timedelta(hours=11)
    repository.roll_out_document(staged_document())
    after = await device.catalogue.latest()

    assert (before, after) == ("1.0.1", "1.0.2")


async def test_a_staged_version_is_offered_to_who_is_not_in_and_gone_once_it_is_taken_back(
    device: Device, repository: Repository
) -> None:
    repository.release("1.0.2", executable("1.0.2"))
    repository.roll_out_document(staged_document(curve=[[1, 50]]))
    device.synchronised = False

    latest = await device.catalogue.latest()
    offered = device.catalogue.is_offered("1.0.2")
    repository.roll_out_document(staged_document(curve=[[1, 50]], paused=int(NOW.timestamp())))
    await device.catalogue.latest()
    held = device.catalogue.is_offered("1.0.2")
    repository.roll_out_document({"versions": {"test": "1.0.1"}})
    await device.catalogue.latest()

    assert (latest, offered, held) == ("1.0.1", True, False)
    assert device.catalogue.is_offered("v1.0.1")
    assert not device.catalogue.is_offered("1.0.2")


async def test_an_order_back_is_a_signer_s_and_for_those_it_names(
    device: Device, repository: Repository
) -> None:
    repository.roll_out_document({"versions": {"test": "1.0.1"}, "back": {"test": ["1.0.2"]}})

    await device.catalogue.latest()

    assert device.catalogue.is_ordered_back("1.0.2")
    assert not device.catalogue.is_ordered_back("1.0.3")
