from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from reagent.errors import (
    BadRelease,
    Blocked,
    Damaged,
    DeadlineExceeded,
    DownloadFailed,
    NoRoom,
    NotForThisMachine,
    ReagentError,
    StagingFailed,
)
from tests.unit.updates.device import CONTROL, Device, Progress, elf


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


async def take(device: Device, version: str = "1.0.1", progress: Progress | None = None) -> bool:
    """Take a version; whether it was downloaded."""
    staged = await device.take(version, progress)
    return staged.fetched


async def test_a_published_version_is_staged_whole_runnable_and_old(device: Device) -> None:
    digest = device.publish("1.0.1")

    staged = await device.take("1.0.1")

    file = device.staged("1.0.1")
    assert (staged.version, staged.sha256, staged.fetched) == ("1.0.1", digest, True)
    assert file.read_bytes() == elf("1.0.1")
    assert staged.size == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert file.stat().st_mtime == 1
    assert device.leftovers == []


async def test_it_is_run_once_before_it_is_staged(device: Device) -> None:
    digest = device.publish("1.0.1")

    await take(device)

    assert device.processes.ran == [(device.draft(digest), "-version")]


async def test_progress_adds_up_to_the_whole_file(device: Device) -> None:
    device.publish("1.0.1")
    progress = Progress()

    await take(device, progress=progress)

    size = len(elf("1.0.1"))
    assert sum(increment for increment, _, _ in progress.events) == size
    assert progress.events[-1][1:] == (size, size)
    assert all(total == size for _, _, total in progress.events)


async def test_what_is_staged_already_is_not_fetched_again(device: Device) -> None:
    device.publish("1.0.1")
    await take(device)

    assert not await take(device)
    assert device.fetched("1.0.1") == 1


async def test_another_file_under_a_staged_version_replaces_it(device: Device) -> None:
    device.publish("1.0.1")
    await take(device)
    device.publish("1.0.1", elf("again"))

    assert await take(device)
    assert device.staged("1.0.1").read_bytes() == elf("again")


async def test_a_file_that_starts_over_in_the_middle_is_whole(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.start_over_at(device.url("1.0.1"), 64)

    await take(device)

    assert device.staged("1.0.1").read_bytes() == elf("1.0.1")


@pytest.mark.parametrize(("announced", "file"), [("v1.0.1", "1.0.1"), ("1.1", "1.1.0")])
async def test_the_announced_text_is_in_the_url_and_the_whole_version_in_the_name(
    device: Device, announced: str, file: str
) -> None:
    device.publish(announced, says=file)

    await take(device, announced)

    assert device.versions == {file}


# --- refused, and nothing left behind


async def refused(device: Device, error: type[ReagentError], says: str) -> None:
    """The version is refused for this reason, nothing is left, and the next good one is taken."""
    with pytest.raises(error) as caught:
        await take(device)
    assert says in str(caught.value)
    assert device.versions == set()
    assert device.leftovers == []

    device.disk.left = None
    device.disk.refuses_writes = device.disk.refuses_new_files = 0
    device.publish("1.0.2")
    assert await take(device, "1.0.2")
    assert device.versions == {"1.0.2"}


def is_blocked(device: Device, content: bytes) -> bool:
    return device.staging.blocked(hashlib.sha256(content).hexdigest()) is not None


async def test_nothing_published(device: Device) -> None:
    await refused(device, DownloadFailed, "404")


async def test_a_missing_checksum_and_the_file_is_not_even_asked_for(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.lose(device.sidecar("1.0.1"))

    await refused(device, DownloadFailed, "reagent.sha256 answers 404")

    assert device.fetched("1.0.1") == 0


@pytest.mark.parametrize("junk", [b"", b"<html>welcome</html>", b"0" * 63])
async def test_a_junk_checksum(device: Device, junk: bytes) -> None:
    device.publish("1.0.1")
    device.bucket.put(device.sidecar("1.0.1"), junk)

    await refused(device, BadRelease, "holds no SHA-256")


async def test_a_page_where_the_checksum_should_be(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.put(device.sidecar("1.0.1"), b"<html>" + b"x" * 5000)

    await refused(device, BadRelease, "holds no SHA-256: '<html>x")


async def test_a_wrong_checksum_blocks_nothing(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.put(device.sidecar("1.0.1"), b"0" * 64)

    await refused(device, Damaged, "")

    assert not is_blocked(device, elf("1.0.1"))
    assert device.staging.blocked("0" * 64) is None


async def test_a_missing_file(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.lose(device.url("1.0.1"))

    await refused(device, DownloadFailed, "1.0.1/reagent answers 404")


async def test_an_empty_file(device: Device) -> None:
    device.publish("1.0.1", b"")

    await refused(device, DownloadFailed, "is empty")


async def test_half_a_file(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.break_at(device.url("1.0.1"), 128)
    device.bucket.marks = False

    await refused(device, DownloadFailed, "ended early")


async def test_a_portals_page_with_the_length_it_says(device: Device) -> None:
    device.publish("1.0.1")
    device.bucket.put(device.url("1.0.1"), b"<html>please log in</html>")

    await refused(device, Damaged, "")

    assert not is_blocked(device, elf("1.0.1"))


async def test_no_room_for_it_and_nothing_is_written(device: Device) -> None:
    device.publish("1.0.1")
    device.disk.left = 64 * 1024 * 1024

    await refused(device, NoRoom, "bytes")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_disk_that_is_full_in_the_middle(device: Device, number: int) -> None:
    device.publish("1.0.1")
    device.disk.refuses_writes = number

    await refused(device, NoRoom, os.strerror(number))


async def test_a_disk_that_breaks_in_the_middle(device: Device) -> None:
    device.publish("1.0.1")
    device.disk.refuses_writes = errno.EIO

    await refused(device, StagingFailed, os.strerror(errno.EIO))


async def test_a_folder_that_cannot_be_written_to(device: Device) -> None:
    device.publish("1.0.1")
    device.disk.refuses_new_files = errno.EROFS

    await refused(device, StagingFailed, os.strerror(errno.EROFS))


# --- blocked at once


async def blocked(device: Device, content: bytes, says: str) -> None:
    """The version is refused for this reason, and its digest is not fetched again."""
    with pytest.raises(NotForThisMachine) as caught:
        await take(device)
    assert says in str(caught.value)
    assert device.versions == set()
    assert device.leftovers == []

    with pytest.raises(Blocked, match=r"version 1\.0\.1 is blocked"):
        await take(device)
    assert device.fetched("1.0.1") == 1
    assert is_blocked(device, content)

    device.publish("1.0.2")
    assert await take(device, "1.0.2")


async def test_another_platforms_file(device: Device) -> None:
    content = elf("arm", machine=183)
    device.publish("1.0.1", content)

    await blocked(device, content, "ELF machine 183")


async def test_a_script_with_the_right_checksum(device: Device) -> None:
    device.publish("1.0.1", b"#!/bin/sh\nexit 0\n")

    await blocked(device, b"#!/bin/sh\nexit 0\n", "no ELF")


@pytest.mark.parametrize("number", [errno.ENOEXEC, errno.ENOENT, errno.ELIBBAD])
async def test_what_the_system_does_not_take_for_a_program(device: Device, number: int) -> None:
    digest = device.publish("1.0.1")
    device.processes.refuses(number, of=device.draft(digest))

    await blocked(device, elf("1.0.1"), "no executable for this machine")


@pytest.mark.parametrize("said", ["1.0.0", "1.0.10", "", "latest", "1.0.1 and more", "1.0.1-rc1"])
async def test_a_file_that_says_another_version(device: Device, said: str) -> None:
    digest = device.publish("1.0.1")
    device.processes.says(said, of=device.draft(digest))

    await blocked(device, elf("1.0.1"), repr(said))


@pytest.mark.parametrize(
    ("status", "says"), [(1, "ended with 1"), (-11, "signal 11"), (-4, "signal 4")]
)
async def test_a_file_that_dies_while_ours_does_not(device: Device, status: int, says: str) -> None:
    digest = device.publish("1.0.1")
    device.processes.ends(status, of=device.draft(digest))

    await blocked(device, elf("1.0.1"), says)

    assert (CONTROL, "-version") in device.processes.ran


# --- refused, and not its fault


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOMEM, errno.EAGAIN])
async def test_a_mount_that_runs_nothing_or_a_lack_of_memory_blocks_nothing(
    device: Device, number: int
) -> None:
    digest = device.publish("1.0.1")
    device.processes.refuses(number, of=device.draft(digest))

    await refused(device, StagingFailed, os.strerror(number))

    assert not is_blocked(device, elf("1.0.1"))


async def test_a_file_that_dies_like_ours_does_blocks_nothing(device: Device) -> None:
    digest = device.publish("1.0.1")
    device.processes.ends(-11, of=device.draft(digest))
    device.processes.ends(-11, of=CONTROL)

    await refused(device, StagingFailed, "signal 11")

    assert not is_blocked(device, elf("1.0.1"))


@pytest.mark.parametrize(("status", "stderr"), [(-9, ""), (1, "MemoryError\n")])
async def test_a_file_that_got_no_memory_blocks_nothing(
    device: Device, status: int, stderr: str
) -> None:
    digest = device.publish("1.0.1")
    device.processes.ends(status, stderr, of=device.draft(digest))

    await refused(device, StagingFailed, "may be this machine's fault")

    assert not is_blocked(device, elf("1.0.1"))


async def test_a_file_that_takes_too_long_to_say_its_version_blocks_nothing(device: Device) -> None:
    digest = device.publish("1.0.1")
    device.processes.hangs(of=device.draft(digest))

    await refused(device, DeadlineExceeded, "in time")

    assert not is_blocked(device, elf("1.0.1"))


async def test_a_file_that_is_still_open_in_a_child_is_run_a_little_later(device: Device) -> None:
    digest = device.publish("1.0.1")
    device.processes.first_refuses(errno.ETXTBSY, 2, of=device.draft(digest))

    taking = asyncio.create_task(take(device))
    while not taking.done():
        await asyncio.sleep(0.01)
        await device.clock.advance(1)

    assert await taking
    assert len(device.processes.ran) == 3


async def test_what_is_below_the_highest_that_ran_here_is_refused(device: Device) -> None:
    (device.folder / "updates.json").write_text('{"format": 1, "floor": "1.0.2"}')
    device.publish("1.0.1")

    with pytest.raises(BadRelease, match=r"below 1\.0\.2"):
        await take(device)

    assert device.fetched("1.0.1") == 0


async def test_a_download_that_is_cancelled_and_cannot_go_on_leaves_nothing(
    device: Device,
) -> None:
    digest = device.publish("1.0.1")
    device.bucket.marks = False
    started = asyncio.Event()

    async def first_block(*_: int) -> None:
        started.set()
        device.bucket.hold()

    taking = asyncio.create_task(device.take("1.0.1", first_block))
    await started.wait()
    assert device.leftovers == [digest]
    taking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await taking
    assert device.leftovers == []


async def test_a_rate_is_kept_by_pauses_between_blocks(device: Device) -> None:
    content = elf("1.0.1")
    device.publish("1.0.1", content)
    device.fetch._rate = 100.0
    taking = asyncio.create_task(device.take("1.0.1"))

    seconds = 0
    while not taking.done():
        await device.clock.advance(0.5)
        seconds += 1
        assert seconds < 1000

    assert taking.result().version == "1.0.1"
    assert device.clock.monotonic() == pytest.approx(len(content) / 100.0, abs=1.0)
