"""What waits for its trial, and a look that finds something else: which of them goes first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reagent.updates import judge
from reagent.updates.state import Attempt, Trial
from reagent.updates.vocabulary import ARRIVAL, ROLLBACK, UPDATE
from tests.unit.updates.device import OURS, Device, Progress


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


async def waits(device: Device, version: str, **other: object) -> Trial:
    """It was staged, failed once, and is tried again in 400 s."""
    digest = device.publish(version)
    staged = await device.take(version)
    trial = Trial(
        file=f"reagent-v{version}",
        version=version,
        sha256=digest,
        size=staged.size,
        strikes=1,
        not_before=device.clock.now() + 400,
        pause=600,
    )
    trial = replace(trial, **other)  # type: ignore[arg-type]
    device.seat.ledger.change(lambda state: replace(state, trial=trial))
    return trial


# --- a roll-out that this device is in, and out of for a while


async def test_a_device_that_does_not_know_the_time_keeps_what_waits_with_its_strikes(
    device: Device,
) -> None:
    trial = await waits(device, "1.5.0")
    device.announce(OURS)
    device.catalogue.staged = frozenset({"1.5.0"})

    await device.checks.order(Progress())

    assert device.staging.trial() == trial


async def test_what_the_rest_of_the_fleet_runs_does_not_take_its_turn(device: Device) -> None:
    trial = await waits(device, "1.5.0")
    device.roll_out("1.4.0")
    device.catalogue.staged = frozenset({"1.5.0"})

    ordered = await device.checks.order(Progress())

    assert device.staging.trial() == trial
    assert device.fetched("1.4.0") == 0
    assert ordered is not None
    assert (ordered.version, ordered.fetched) == ("1.5.0", False)
    assert device.hand_overs.requests == [(60.0, 400.0)]


@pytest.mark.parametrize("announced", [OURS, "1.4.0"])
async def test_what_was_taken_back_is_not_tried_whatever_takes_its_place(
    device: Device, announced: str
) -> None:
    await waits(device, "1.5.0")
    device.roll_out(announced)

    await device.checks.order(Progress())

    trial = device.staging.trial()
    assert (trial.version if trial else OURS) == announced


async def test_the_same_version_with_other_bytes_takes_the_place_of_the_first(
    device: Device,
) -> None:
    await waits(device, "1.5.0")
    digest = device.roll_out("1.5.0", b"\x7fELF" + device.staged("1.5.0").read_bytes()[4:] + b"2")

    await device.checks.order(Progress())

    trial = device.staging.trial()
    assert trial is not None
    assert (trial.sha256, trial.strikes) == (digest, 0)


# --- what a person brought or ordered


@pytest.mark.parametrize(
    "ordered", [{"brought": True}, {"brought": True, "attempt": Attempt(boot="now", end="hangs")}]
)
async def test_what_a_person_brought_is_not_replaced_by_what_lies_between(
    device: Device, ordered: dict[str, object]
) -> None:
    trial = await waits(device, "2.0.0", **ordered)
    device.roll_out("1.5.0")

    await device.checks.order(Progress())

    assert device.staging.trial() == trial
    assert device.fetched("1.5.0") == 0


async def test_what_a_person_brought_gives_way_to_something_newer(device: Device) -> None:
    await waits(device, "2.0.0", brought=True)
    device.roll_out("2.0.1")

    await device.checks.order(Progress())

    trial = device.staging.trial()
    assert trial is not None
    assert (trial.version, trial.brought) == ("2.0.1", False)


async def test_what_a_person_brings_during_a_download_is_not_replaced_by_that(
    device: Device,
) -> None:
    trial = await waits(device, "2.0.0", brought=True)
    device.seat.ledger.change(judge.dropped)
    device.bucket.hold()
    device.roll_out("1.5.0")
    look = asyncio.create_task(device.checks.order(Progress()))
    async with asyncio.timeout(5):
        while not device.fetched("1.5.0"):
            await asyncio.sleep(0)

    device.staging.schedule(trial.version, trial.sha256, trial.size, brought=True)
    device.bucket.go_on()
    await look

    waiting = device.staging.trial()
    assert waiting is not None
    assert (waiting.version, waiting.brought) == ("2.0.0", True)


async def test_a_person_s_order_takes_the_place_of_what_another_brought(device: Device) -> None:
    await waits(device, "2.0.0", brought=True)
    digest = device.publish("1.5.0")
    staged = await device.take("1.5.0")

    assert device.staging.schedule("1.5.0", digest, staged.size, brought=True)

    trial = device.staging.trial()
    assert trial is not None
    assert trial.version == "1.5.0"


async def test_a_signer_who_gives_a_version_up_gives_up_what_a_person_brought(
    device: Device,
) -> None:
    await waits(device, "2.0.0", brought=True)
    device.roll_out("1.5.0")
    device.catalogue.back = frozenset({"2.0.0"})

    await device.checks.order(Progress())

    trial = device.staging.trial()
    assert trial is not None
    assert trial.version == "1.5.0"


@pytest.mark.parametrize(
    ("kind", "brought", "offered", "waits_for_it"),
    [
        (UPDATE, False, True, {"1.4.0": True, "1.5.0": False, "1.6.0": False}),
        (UPDATE, False, False, {"1.4.0": False, "1.5.0": False, "1.6.0": False}),
        (UPDATE, True, False, {"1.4.0": True, "1.5.0": True, "1.6.0": False}),
        (ROLLBACK, False, False, {"1.4.0": True, "1.5.0": True, "1.6.0": False}),
        (ARRIVAL, False, True, {"1.4.0": False, "1.5.0": False, "1.6.0": False}),
    ],
)
def test_which_goes_first(
    kind: str,
    brought: bool,  # noqa: FBT001 - a table
    offered: bool,  # noqa: FBT001
    waits_for_it: dict[str, bool],
) -> None:
    trial = Trial(
        file="reagent-v1.5.0", version="1.5.0", sha256="5" * 64, size=1, kind=kind, brought=brought
    )

    assert waits_for_it == {
        announced: judge.goes_first(trial, announced, offered=offered) for announced in waits_for_it
    }
