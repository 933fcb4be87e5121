"""updates.shortcut: a version out of the one that runs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from reagent.errors import Damaged
from reagent.updates.catalogue import Difference, Release
from reagent.updates.fetch import Staged, Wanted
from reagent.updates.ledger import Ledger
from reagent.updates.shortcut import LARGEST_DELTA, Shortcut
from tests.unit.updates.device import BASE, OURS, Device, Progress, elf

NEW = "1.1.0"
WAY = f"{BASE}/re-agent/linux/amd64/{NEW}/from-{OURS}.zst"


class AppendingDeltas:
    """Implements `contracts.deltas.Deltas`: what differs is what the new file has at its end."""

    available = True

    def __init__(self) -> None:
        self.most = 0

    def unpack(self, base: str, delta: bytes, most: int) -> bytes:
        self.most = most
        if delta == b"junk":
            raise Damaged("nothing comes of the delta")
        return (Path(base).read_bytes() + delta)[:most]


class Short:
    """A device, and a release that is its own file with something at the end."""

    def __init__(self, folder: Path) -> None:
        self.device = Device(folder)
        self.deltas = AppendingDeltas()
        self.own = str(folder / f"reagent-v{OURS}")
        self.content = elf("ours") + b"and more"
        digest = self.device.publish(NEW, self.content)
        self.release = Release(version=NEW, url=self.device.url(NEW), sha256=digest)
        self.device.bucket.put(WAY, b"and more")
        self.known: Difference | None = Difference(WAY)

    async def take(self) -> Staged:
        shortcut = Shortcut(self.device.bucket, self.deltas, self.device.staging, lambda: self.own)
        self.device.fetch._shortcut = shortcut
        return await self.device.fetch.take(
            Wanted(release=self.release, way=self.known), Progress()
        )

    @property
    def asked(self) -> tuple[int, int]:
        """How often the short and the long way were asked for."""
        return self.device.bucket.asked.count(WAY), self.device.fetched(NEW)


@pytest.fixture
def short(tmp_path: Path) -> Short:
    return Short(tmp_path)


async def test_the_short_way_stages_the_very_file(short: Short) -> None:
    staged = await short.take()

    assert (staged.version, short.asked) == (NEW, (1, 0))
    assert short.device.staged(NEW).read_bytes() == short.content
    assert short.device.leftovers == []


@pytest.mark.parametrize("delta", [b"junk", b"and less"])
async def test_one_that_leads_nowhere_costs_one_whole_download_and_is_not_tried_again(
    short: Short, delta: bytes
) -> None:
    short.device.bucket.put(WAY, delta)

    await short.take()
    short.device.staged(NEW).unlink()
    await short.take()

    assert short.asked == (1, 2)
    assert short.device.seat.ledger.state.whole == (short.release.sha256,)
    assert short.device.staged(NEW).read_bytes() == short.content


async def test_a_process_that_ends_while_it_unpacks_leaves_the_long_way_to_the_next_one(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def end(_base: str, _delta: bytes, _most: int) -> bytes:
        seen.append(Ledger(short.device.seat.files, short.device.seat.folder).state.whole)
        raise Damaged("where the kernel would have ended it")

    monkeypatch.setattr(short.deltas, "unpack", end)

    await short.take()

    assert seen == [(short.release.sha256,)]


async def test_where_none_is_published_the_whole_is_fetched_and_nothing_remembered(
    short: Short,
) -> None:
    short.device.bucket.lose(WAY)

    await short.take()

    assert short.asked == (1, 1)
    assert short.device.seat.ledger.state.whole == ()


async def test_a_delta_that_is_not_what_was_signed_for_is_not_unpacked(short: Short) -> None:
    short.known = Difference(WAY, 8, "0" * 64)

    await short.take()

    assert short.asked == (1, 1)


async def test_a_delta_of_another_length_is_not_read(short: Short) -> None:
    short.known = Difference(WAY, 7, hashlib.sha256(b"and more").hexdigest())

    await short.take()

    assert short.asked == (1, 1)


async def test_what_saves_less_than_half_is_not_asked_for(short: Short) -> None:
    short.release = replace(short.release, size=len(short.content))
    short.known = Difference(WAY, len(short.content) // 2 + 1, None)

    await short.take()

    assert short.asked == (0, 1)


async def test_a_delta_too_large_to_unpack_in_memory_is_not_taken(short: Short) -> None:
    short.device.bucket.put(WAY, bytes(LARGEST_DELTA + 1))

    await short.take()

    assert short.asked == (1, 1)


@pytest.mark.parametrize("is_signed_for", [True, False])
async def test_no_more_is_unpacked_than_was_published_or_than_twice_our_own_size(
    short: Short,
    is_signed_for: bool,  # noqa: FBT001 - a table
) -> None:
    if is_signed_for:
        short.release = replace(short.release, size=len(short.content))

    await short.take()

    assert short.deltas.most == (len(short.content) if is_signed_for else 2 * len(elf("ours")))


async def test_a_build_that_cannot_and_a_copy_go_the_long_way(short: Short) -> None:
    short.deltas.available = False
    await short.take()
    short.device.staged(NEW).unlink()
    short.deltas.available, short.own = True, ""
    await short.take()

    assert short.asked == (0, 2)


async def test_an_own_file_that_cannot_be_read_is_no_obstacle(short: Short) -> None:
    short.own = str(short.device.folder / "nowhere")

    await short.take()

    assert short.device.versions == {NEW}


async def test_a_line_s_rate_holds_up_nothing_that_is_unpacked_already(short: Short) -> None:
    short.device.fetch._rate = 0.001

    await short.take()

    assert short.asked == (1, 0)
    assert short.device.clock.monotonic() == 0.0
