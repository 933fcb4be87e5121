"""updates.fetch and updates.drafts: a download that breaks off goes on in the next process."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reagent.errors import Damaged, DownloadFailed, NoRoom
from reagent.updates import drafts
from reagent.updates.asking import Asking
from reagent.updates.catalogue import Release
from reagent.updates.drafts import Drafts
from reagent.updates.fetch import SETTLE_EVERY_S, Fetch, Wanted
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role, Seat
from reagent.updates.staging import RESERVE_BYTES, Staging
from tests.fakes.clock import FakeClock
from tests.fakes.downloads import FakeDownloads
from tests.fakes.files import FakeFiles, PowerCut
from tests.fakes.processes import FakeProcesses
from tests.unit.updates import life
from tests.unit.updates.device import BASE, Device, Progress, elf
from tests.unit.updates.life import FOLDER

NEW = "1.0.1"
CONTENT = elf(NEW * 3)
SIZE = len(CONTENT)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
CAME = 128


@pytest.fixture
async def device(tmp_path: Path) -> Device:
    """One whose download broke off, and whose agent was started again."""
    device = Device(tmp_path)
    device.publish(NEW, CONTENT)
    device.bucket.break_at(device.url(NEW), CAME)
    with pytest.raises(DownloadFailed):
        await device.take(NEW)
    device.bucket.mend(device.url(NEW))
    device.start()
    return device


def sent(device: Device) -> int:
    """Bytes of the file that the bucket sent, in all."""
    return device.bucket.sent[device.url(NEW)]


def note(device: Device) -> Path:
    return Path(f"{device.draft(DIGEST)}.etag")


# --- it goes on


async def test_a_download_that_broke_off_goes_on_in_the_next_process(device: Device) -> None:
    progress = Progress()

    staged = await device.take(NEW, progress)

    assert (staged.version, staged.size, staged.fetched) == (NEW, SIZE, True)
    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == SIZE
    assert progress.events[0] == (64, CAME + 64, SIZE)
    assert progress.events[-1][1:] == (SIZE, SIZE)
    assert device.leftovers == []


async def test_it_may_break_off_again_and_again(device: Device) -> None:
    for at in range(CAME + 64, SIZE, 64):
        device.bucket.break_at(device.url(NEW), at)
        with pytest.raises(DownloadFailed):
            await device.take(NEW)
        device.start()
    device.bucket.mend(device.url(NEW))

    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == SIZE


async def test_a_process_that_is_stopped_in_the_middle_leaves_what_came(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.publish(NEW, CONTENT)
    came = asyncio.Event()

    async def first_block(*_: int) -> None:
        came.set()
        device.bucket.hold()

    taking = asyncio.create_task(device.take(NEW, first_block))
    await came.wait()
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    device.bucket.go_on()
    device.start()
    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == SIZE


async def test_all_of_it_was_there_and_nothing_is_asked_for(device: Device) -> None:
    Path(device.draft(DIGEST)).write_bytes(CONTENT)

    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert device.fetched(NEW) == 1


async def test_what_is_there_needs_no_room(device: Device) -> None:
    device.disk.left = RESERVE_BYTES + SIZE - CAME - 1
    with pytest.raises(NoRoom):
        await device.take(NEW)
    device.disk.left += 1

    await device.take(NEW)

    assert sent(device) == SIZE


# --- what cannot be gone on with


@pytest.mark.parametrize(
    "left",
    [
        b"\0" * CAME,
        b"\0" * (CAME + 1),
        b"\0" * SIZE,
        CONTENT[: CAME // 2] + b"\0" * (SIZE - CAME // 2),
        CONTENT[: CAME // 2] + b"\0" * (CAME // 2),
    ],
)
async def test_whatever_a_power_cut_left_costs_one_whole_download(
    device: Device, left: bytes
) -> None:
    Path(device.draft(DIGEST)).write_bytes(left)

    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == CAME + SIZE - len(left) + SIZE
    assert device.leftovers == []


@pytest.mark.parametrize("left", [b"", CONTENT + b"more"])
async def test_what_is_no_part_is_dropped(device: Device, left: bytes) -> None:
    Path(device.draft(DIGEST)).write_bytes(left)

    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == CAME + SIZE


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/etc/passwd")])
async def test_what_is_no_file_is_no_part(
    device: Device, make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = Path(device.draft(DIGEST))
    path.unlink()
    make(path)

    assert device.staging.drafts.part(DIGEST) is None


async def test_a_bucket_that_has_something_else_is_asked_once_more_and_no_more(
    device: Device,
) -> None:
    Path(device.draft(DIGEST)).write_bytes(b"\0" * CAME)
    device.bucket.put(device.url(NEW), CONTENT[::-1])

    with pytest.raises(Damaged):
        await device.take(NEW)

    assert device.fetched(NEW) == 2
    assert device.leftovers == []


async def test_a_server_that_gives_its_file_another_name_sends_all_of_it(device: Device) -> None:
    said = json.loads(note(device).read_bytes())
    note(device).write_text(json.dumps(said | {"etag": '"another"'}))

    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == CAME + SIZE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 40,
        b"[]",
        b"[" * 1024,
        b"{" * 2000,
        b'{"length": 900}',
        b'{"etag": "W/\\"a\\"", "length": 900}',
        b'{"etag": "\\"a\\"\\r\\nX: y", "length": 900}',
        b'{"etag": "\\"a\\"", "length": "900"}',
        b'{"etag": "\\"a\\"", "length": -900}',
        b'{"etag": "\\"a\\"", "length": 1e99}',
        b'{"etag": "\\"a\\"", "length": 100}',
        b'{"etag": "\\"a\\"", "length": 99999999999}',
    ],
)
async def test_a_note_that_is_none_makes_it_begin_again(device: Device, content: bytes) -> None:
    note(device).write_bytes(content)
    part = device.staging.drafts.part(DIGEST)

    await device.take(NEW)

    assert part is None
    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == CAME + SIZE


async def test_a_part_of_another_length_than_was_signed_for_is_none(device: Device) -> None:
    release = Release(version=NEW, url=device.url(NEW), sha256=DIGEST, size=SIZE + 1)

    with pytest.raises(Damaged, match="were published"):
        await device.fetch.take(Wanted(release=release), Progress())

    assert sent(device) == CAME


async def test_a_part_that_cannot_be_opened_is_dropped(device: Device) -> None:
    device.disk.refuses_appends = 5

    await device.take(NEW)

    assert device.staged(NEW).read_bytes() == CONTENT
    assert sent(device) == CAME + SIZE


# --- what is kept, and for how long


async def test_another_version_takes_its_place(device: Device) -> None:
    device.publish("1.0.2")
    device.bucket.break_at(device.url("1.0.2"), CAME)

    with pytest.raises(DownloadFailed):
        await device.take("1.0.2")

    other = hashlib.sha256(elf("1.0.2")).hexdigest()
    assert set(device.leftovers) == {other, f"{other}.etag"}


async def test_a_version_that_is_taken_back_is_gone_at_the_next_look(device: Device) -> None:
    device.announce("1.0.0")

    assert not await device.checks.order(Progress())

    assert device.leftovers == []


async def test_who_cleans_up_leaves_what_can_be_gone_on_with(device: Device) -> None:
    for name in ("1" * 64, "2" * 64 + ".etag", ".put.tmp"):
        device.downloads_folder.joinpath(name).write_bytes(b"junk")

    gone = drafts.tidy(device.disk, str(device.folder), device.seat.ledger)

    assert gone == [".put.tmp", "1" * 64, "2" * 64 + ".etag"]
    assert set(device.leftovers) == {DIGEST, f"{DIGEST}.etag"}


def test_what_is_being_written_is_not_tidied_away() -> None:
    files = life.flashed().files
    ledger = Ledger(files, FOLDER)
    draft = Drafts(files, FOLDER, ledger).open(DIGEST, mark='"a"', length=SIZE)
    draft.write(CONTENT[:CAME])

    assert drafts.tidy(files, FOLDER, ledger, keep="") == []
    draft.leave()
    assert drafts.tidy(files, FOLDER, ledger, keep=DIGEST) == []
    assert drafts.tidy(files, FOLDER, ledger, keep="") == [DIGEST, f"{DIGEST}.etag"]


# --- power cuts


class Modem:
    """A device at a slow line: what it has of a file, and what happens to its power."""

    def __init__(self, files: FakeFiles, bucket: FakeDownloads) -> None:
        self.files = files
        self.bucket = bucket
        self.clock = FakeClock()
        self.processes = FakeProcesses()
        self.processes.says(NEW)
        seat = Seat(
            role=Role.PROVEN,
            folder=FOLDER,
            files=files,
            ledger=Ledger(files, FOLDER),
            times=life.TIMES,
            own="reagent-v1.0.0",
        )
        self.staging = Staging(seat, "amd64")
        asking = Asking(self.processes, self.staging, self.clock, ())
        self.fetch = Fetch(bucket, self.staging, asking, self.clock)

    async def take(self) -> None:
        release = Release(version=NEW, url=BASE, sha256=DIGEST, size=SIZE)
        await self.fetch.take(Wanted(release=release), self._block_by_block)

    async def _block_by_block(self, *_: int) -> None:
        await self.clock.advance(SETTLE_EVERY_S / 2)


def bucket() -> FakeDownloads:
    made = FakeDownloads()
    made.put(BASE, CONTENT)
    return made


async def test_on_a_slow_line_what_came_is_written_down_now_and_then() -> None:
    modem = Modem(life.flashed("1.0.0").files, bucket())
    modem.bucket.break_at(BASE, 4 * 64)

    with pytest.raises(DownloadFailed):
        await modem.take()

    node = modem.files.names[modem.staging.drafts.path(DIGEST)]
    assert node.durable is not None
    assert len(node.durable[0]) == 4 * 64


@pytest.mark.timeout(300)
async def test_after_any_cut_the_next_process_has_it_for_one_more_download_at_most() -> None:
    at, disks, resumed = 0, 0, 0
    seen: set[object] = set()
    while True:
        modem = Modem(life.flashed("1.0.0").files, bucket())
        modem.files.cut_at(at)
        try:
            await modem.take()
        except PowerCut:
            at += 1
        else:
            break
        for files in modem.files.worlds():
            if files.fingerprint() in seen:
                continue
            seen.add(files.fingerprint())
            after = Modem(files, bucket())
            await after.take()

            disks += 1
            resumed += after.bucket.sent.get(BASE, 0) < SIZE
            assert files.read(f"{FOLDER}/reagent-v{NEW}", SIZE) == CONTENT
            assert files.list(f"{FOLDER}/downloads") == []
            assert after.bucket.sent.get(BASE, 0) <= 2 * SIZE
            assert after.bucket.asked.count(BASE) <= 2
    assert at > 15
    assert disks > at
    assert resumed > 0
