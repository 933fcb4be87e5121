from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from reagent.errors import BadRelease, DownloadFailed, NameTaken, ReagentError, Unavailable
from reagent.updates.checks import EVERY_S, JITTER_S, jitter, pause
from reagent.updates.seat import Role
from reagent.updates.state import State, Trial
from tests.fakes.clock import settle
from tests.unit.updates.device import BASE, OURS, Device, Progress

MANIFEST = f"{BASE}/re-agent/availableVersions.json"


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


@pytest.fixture
async def begin(device: Device) -> AsyncIterator[Callable[[], None]]:
    """From then on it looks by itself."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda: tasks.append(asyncio.create_task(device.checks.run()))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await device.checks.close()


async def looked(device: Device, times: int) -> None:
    """Wait until it looked so often, and is done with it; time does not pass."""
    async with asyncio.timeout(5):
        while device.bucket.asked.count(MANIFEST) < times or device.checks.looking:
            await asyncio.sleep(0.005)
    await settle()


# --- by itself


async def test_it_looks_at_start(device: Device, begin: Callable[[], None]) -> None:
    device.roll_out("1.0.1")

    begin()
    await looked(device, 1)

    assert device.versions == {"1.0.1"}
    assert device.reads == 1


async def test_a_staged_version_is_scheduled_and_handed_over_to_within_a_day(
    device: Device, begin: Callable[[], None]
) -> None:
    digest = device.roll_out("1.0.1")

    begin()
    await looked(device, 1)

    trial = device.staging.trial()
    assert trial is not None
    assert (trial.version, trial.sha256, trial.strikes) == ("1.0.1", digest, 0)
    assert device.hand_overs.requests == [(86_400.0, 0.0)]


async def test_it_looks_again_after_six_hours_and_its_own_bit(
    device: Device, begin: Callable[[], None]
) -> None:
    device.announce("1.0.0")
    begin()
    await looked(device, 1)

    await device.clock.advance(EVERY_S + jitter("SN-1") - 1)
    assert device.bucket.asked.count(MANIFEST) == 1
    device.roll_out("1.0.1")
    await device.clock.advance(2)
    await looked(device, 2)

    assert device.versions == {"1.0.1"}


async def test_an_older_or_equal_version_is_no_update(
    device: Device, begin: Callable[[], None]
) -> None:
    device.publish("0.9.0")
    device.announce("0.9.0")

    begin()
    await looked(device, 1)

    assert device.versions == set()
    assert device.bucket.asked == [MANIFEST]
    assert device.hand_overs.requests == []


async def test_a_bucket_that_cannot_be_reached_is_looked_at_again_soon(
    device: Device, begin: Callable[[], None]
) -> None:
    device.bucket.fail(MANIFEST)
    begin()
    await looked(device, 1)

    device.roll_out("1.0.1")
    await device.clock.advance(60)
    await looked(device, 2)

    assert device.versions == {"1.0.1"}
    assert device.reads == 1


async def test_a_broken_version_file_stops_nothing(
    device: Device, begin: Callable[[], None]
) -> None:
    device.bucket.put(MANIFEST, b"<html>")
    begin()
    await looked(device, 1)

    device.roll_out("1.0.1")
    await device.clock.advance(60)
    await looked(device, 2)

    assert device.versions == {"1.0.1"}


async def test_what_was_fetched_for_nothing_is_not_fetched_again_before_its_time(
    device: Device, begin: Callable[[], None]
) -> None:
    device.roll_out("1.0.1")
    device.bucket.put(device.sidecar("1.0.1"), b"0" * 64)
    begin()
    await looked(device, 1)
    assert device.fetched("1.0.1") == 1

    await device.clock.advance(EVERY_S - 1)
    assert device.fetched("1.0.1") == 1
    device.roll_out("1.0.2")
    await device.clock.advance(JITTER_S + 1)
    await looked(device, 2)

    assert device.versions == {"1.0.2"}


async def test_a_certificate_that_is_not_valid_yet_is_tried_for_ten_minutes(
    device: Device, begin: Callable[[], None]
) -> None:
    device.bucket.expire(MANIFEST)
    begin()
    await looked(device, 1)
    await device.clock.advance(1)
    await device.clock.advance(2)
    assert device.bucket.asked.count(MANIFEST) == 3
    for _ in range(21):
        await device.clock.advance(30)

    tries = device.bucket.asked.count(MANIFEST)
    assert 20 < tries < 40
    await device.clock.advance(3600)
    assert device.bucket.asked.count(MANIFEST) < tries + 8


async def test_a_clock_that_is_set_at_last_finds_the_update(
    device: Device, begin: Callable[[], None]
) -> None:
    device.bucket.expire(MANIFEST)
    begin()
    await looked(device, 1)

    device.roll_out("1.0.1")
    await device.clock.advance(1)
    await looked(device, 2)

    assert device.versions == {"1.0.1"}


async def test_leftovers_of_a_process_that_was_killed_are_gone_before_the_first_download(
    device: Device, begin: Callable[[], None]
) -> None:
    device.downloads_folder.joinpath("ab" * 32).write_bytes(b"half")
    device.roll_out("1.0.1")

    begin()
    await looked(device, 1)

    assert device.leftovers == []
    assert device.versions == {"1.0.1"}


async def test_a_trial_that_is_put_off_is_handed_over_to_no_sooner(tmp_path: Path) -> None:
    before = Device(tmp_path)
    digest = before.roll_out("1.0.1")
    await before.take("1.0.1")
    trial = Trial(
        file="reagent-v1.0.1",
        version="1.0.1",
        sha256=digest,
        size=before.staged("1.0.1").stat().st_size,
        strikes=2,
        not_before=before.clock.now() + 400,
        pause=600,
    )
    before.seat.ledger.put(State(trial=trial))

    assert await before.checks.order(Progress())

    assert before.staging.trial() == trial
    assert before.hand_overs.requests == [(60.0, 400.0)]


# --- as somebody asked


async def test_an_order_answers_when_the_version_is_staged(device: Device) -> None:
    device.roll_out("1.0.1")
    progress = Progress()

    assert await device.checks.order(progress)

    assert device.versions == {"1.0.1"}
    assert progress.events[-1][1] == progress.events[-1][2]
    assert device.hand_overs.requests == [(60.0, 0.0)]


async def test_an_order_without_anything_newer_changes_nothing(device: Device) -> None:
    device.roll_out("1.0.0")

    assert not await device.checks.order(Progress())

    assert device.hand_overs.requests == []


async def test_an_order_says_why_there_is_no_update(device: Device) -> None:
    device.announce("1.0.1")

    with pytest.raises(DownloadFailed, match="404"):
        await device.checks.order(Progress())


async def test_an_order_for_what_is_staged_already_hands_over_soon(device: Device) -> None:
    device.roll_out("1.0.1")
    await device.checks.order(Progress())

    assert await device.checks.order(Progress())

    assert device.fetched("1.0.1") == 1
    assert device.hand_overs.requests == [(60.0, 0.0)] * 2


async def test_an_order_joins_a_look_that_is_on_its_way(
    device: Device, begin: Callable[[], None]
) -> None:
    device.bucket.hold()
    device.roll_out("1.0.1")
    begin()
    async with asyncio.timeout(5):
        while not device.fetched("1.0.1"):
            await asyncio.sleep(0)
    progress = Progress()

    order = asyncio.create_task(device.checks.order(progress))
    await settle()
    device.bucket.go_on()

    assert await order
    assert device.fetched("1.0.1") == 1
    assert progress.events
    assert device.hand_overs.requests == [(60.0, 0.0)]


async def test_a_second_order_at_the_same_time_is_refused_and_disturbs_nothing(
    device: Device,
) -> None:
    device.bucket.hold()
    device.roll_out("1.0.1")
    first = asyncio.create_task(device.checks.order(Progress()))
    await settle()

    with pytest.raises(Unavailable, match="in progress"):
        await device.checks.order(Progress())

    device.bucket.go_on()
    assert await first
    assert device.fetched("1.0.1") == 1


async def test_after_a_failed_order_the_next_one_works(device: Device) -> None:
    device.announce("1.0.1")
    with pytest.raises(ReagentError):
        await device.checks.order(Progress())

    device.publish("1.0.1")

    assert await device.checks.order(Progress())


async def test_who_asked_and_went_away_ends_no_download(device: Device) -> None:
    device.bucket.hold()
    device.roll_out("1.0.1")
    order = asyncio.create_task(device.checks.order(Progress()))
    await settle()

    order.cancel()
    await settle()
    device.bucket.go_on()
    await looked(device, 1)

    assert device.versions == {"1.0.1"}


async def test_closing_ends_a_download_and_leaves_nothing(device: Device) -> None:
    device.bucket.hold()
    device.roll_out("1.0.1")
    order = asyncio.create_task(device.checks.order(Progress()))
    async with asyncio.timeout(5):
        while not device.leftovers:
            await asyncio.sleep(0.001)

    await device.checks.close()
    await asyncio.gather(order, return_exceptions=True)

    assert device.leftovers == []
    assert device.versions == set()


async def test_a_copy_stages_and_neither_schedules_nor_hands_over(tmp_path: Path) -> None:
    device = Device(tmp_path, Role.COPY)
    device.roll_out("1.0.1")

    assert await device.checks.order(Progress())

    assert device.versions == {"1.0.1"}
    assert device.staging.trial() is None
    assert device.hand_overs.requests == []


# --- the pauses


def test_the_bit_is_the_devices_own_and_spreads_a_fleet() -> None:
    bits = [jitter(f"SN-{number}") for number in range(1000)]

    assert jitter("SN-1") == jitter("SN-1")
    assert all(0 <= bit < JITTER_S for bit in bits)
    thirds = [sum(1 for bit in bits if int(bit * 3 / JITTER_S) == third) for third in range(3)]
    assert min(thirds) > 250


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 30, 90), (2, 60, 180), (5, 480, 1440), (9, 7680, 21_700), (40, 21_700, 21_700)],
)
def test_pauses_grow_from_a_minute_to_the_regular_one(
    failures: int, shortest: float, longest: float
) -> None:
    assert pause(failures, 100.0, 0.0) == shortest
    assert pause(failures, 100.0, 1.0) == longest
    assert pause(0, 100.0, 0.5) == EVERY_S + 100


async def test_a_release_that_is_taken_back_before_its_trial_is_not_tried(device: Device) -> None:
    device.roll_out("1.0.1")
    await device.checks.order(Progress())
    before = device.staging.trial()

    device.roll_out("1.0.0")
    again = await device.checks.order(Progress())

    assert before is not None
    assert before.version == "1.0.1"
    assert again is None
    assert device.staging.trial() is None


async def test_a_file_that_a_person_brought_is_not_taken_back_by_what_is_announced(
    device: Device,
) -> None:
    device.roll_out("1.0.1")
    await device.checks.order(Progress())
    fetched = device.staging.trial()
    assert fetched is not None
    device.staging.schedule(fetched.version, fetched.sha256, fetched.size, brought=True)

    device.roll_out("1.0.0")
    again = await device.checks.order(Progress())

    trial = device.staging.trial()
    assert again is None
    assert trial is not None
    assert trial.version == "1.0.1"


async def test_who_was_ordered_back_goes_on_from_there_below_what_was_given_up(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path)
    device.roll_out("1.0.1")
    device.seat.ledger.put(State(floor="1.1.0"))

    with pytest.raises(BadRelease, match=r"below 1\.1\.0"):
        await device.checks.order(Progress())
    device.catalogue.back = frozenset({"1.1.0"})
    ordered = await device.checks.order(Progress())

    assert ordered
    assert device.versions == {"1.0.1"}


async def test_who_is_ordered_back_takes_a_lower_version_below_what_ran_here(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path)
    device.roll_out("0.9.0")
    device.seat.ledger.put(State(floor=OURS))

    plain = await device.checks.order(Progress())
    device.catalogue.back = frozenset({OURS})
    ordered = await device.checks.order(Progress())

    assert plain is None
    assert ordered is not None
    assert device.versions == {"0.9.0"}
    trial = device.staging.trial()
    assert trial is not None
    assert trial.version == "0.9.0"


async def test_only_what_came_by_it_was_downloaded(device: Device) -> None:
    device.roll_out("1.0.1")

    first = await device.checks.order(Progress())
    second = await device.checks.order(Progress())

    assert first is not None
    assert second is not None
    assert (first.fetched, second.fetched) == (True, False)


async def test_a_hand_over_waits_for_what_somebody_ordered_though_he_went_away(
    device: Device,
) -> None:
    device.bucket.hold()
    device.roll_out("1.0.1")
    order = asyncio.create_task(device.checks.order(Progress()))
    await settle()
    order.cancel()
    await settle()
    meanwhile = device.hand_overs.held

    device.bucket.go_on()
    await looked(device, 1)

    assert (meanwhile, device.hand_overs.held) == (1, 0)


async def test_a_hand_over_waits_for_no_look_that_nobody_ordered(
    device: Device, begin: Callable[[], None]
) -> None:
    device.bucket.hold()
    device.roll_out("1.0.1")

    begin()
    await settle()

    assert device.checks.looking
    assert device.hand_overs.held == 0
    device.bucket.go_on()


async def test_a_look_that_fails_as_nobody_thought_is_not_the_last(
    device: Device, begin: Callable[[], None]
) -> None:
    device.catalogue.breaks = True
    begin()
    await settle()

    device.catalogue.breaks = False
    device.roll_out("1.0.1")
    await device.clock.advance(90)
    await looked(device, 1)

    assert device.versions == {"1.0.1"}


async def test_a_name_that_is_in_use_is_seen_before_anything_is_downloaded(device: Device) -> None:
    device.staged("1.0.1").write_bytes(b"a file that says something else")
    device.folder.joinpath("Reagent-previous").symlink_to(device.staged("1.0.1"))
    device.roll_out("1.0.1")

    with pytest.raises(NameTaken):
        await device.checks.order(Progress())

    assert device.fetched("1.0.1") == 0
    assert device.hand_overs.held == 0
