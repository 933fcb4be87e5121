from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reagent import log
from reagent.adapters.deltas import ZstdDeltas
from reagent.adapters.localfile import LocalFiles
from reagent.contracts.downloads import Downloads
from reagent.contracts.trust import Attested, Chain, Fetch, Rule, Verdict
from reagent.errors import DownloadFailed, Unavailable, Untrusted
from reagent.updates.lookout import Lookout, Outside
from reagent.updates.seat import Role
from reagent.updates.times import Times
from tests.unit.updates.device import BASE, CONTROL, OURS, Device, Progress

MANIFEST = f"{BASE}/re-agent/availableVersions.json"


@dataclass
class Post:
    """A lookout, and what it is told by and makes of a device."""

    device: Device
    settled: bool = False
    made: int = 0
    reads: int = 0
    root: bytes | None = None
    attested: list[bytes] = field(default_factory=list)
    makers: set[str] = field(default_factory=set)

    def lookout(self, *, automatic: bool = True, role: Role = Role.PROVEN) -> Lookout:
        return Lookout(
            replace(self.device.seat, role=role),
            Outside(
                downloads=self._make,
                brought=LocalFiles,
                processes=lambda: self.device.processes,
                deltas=ZstdDeltas,
                root=lambda: self.root,
                attested=self._attested,
                synchronised=lambda: True,
            ),
            self.device.clock,
            lambda: self.device.identity,
            hand_over=lambda: self.device.hand_overs,
            read=self._was_read,
            settled=lambda: self.settled,
            remote=BASE,
            automatic=automatic,
            version=OURS,
            arch="amd64",
            control=(CONTROL, "-version"),
        )

    @property
    def looks(self) -> int:
        return self.device.bucket.asked.count(MANIFEST)

    async def until_staged(self, version: str) -> None:
        async with asyncio.timeout(5):
            while version not in self.device.versions:
                await asyncio.sleep(0.005)

    def _make(self) -> Downloads:
        self.made += 1
        self.makers.add(threading.current_thread().name)
        return self.device.bucket

    def _attested(self, root: bytes, _folder: str) -> Attested:
        self.attested.append(root)
        return Nobody()

    def _was_read(self) -> None:
        self.reads += 1


class Nobody:
    """Implements `contracts.trust.Attested`: believes nothing."""

    async def look(
        self, fetch: Fetch, known: Chain, *, at: float, any_timestamp: bool = False
    ) -> Verdict:
        raise Untrusted(Rule.UNKNOWN_KEY, "nobody is known here")


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(Device(tmp_path))


@pytest.fixture
async def run() -> AsyncIterator[Callable[[Lookout], asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []

    def start(lookout: Lookout) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(lookout.run()))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


Run = Callable[[Lookout], asyncio.Task[None]]


async def test_nothing_is_made_before_the_device_is_connected(post: Post, run: Run) -> None:
    run(post.lookout())

    await post.device.clock.advance(5)
    assert post.made == 0
    post.settled = True
    await post.device.clock.advance(1)

    assert post.made > 0
    assert post.looks == 1


async def test_a_device_that_never_connects_still_finds_its_successor(post: Post, run: Run) -> None:
    post.device.roll_out("1.0.1")
    run(post.lookout())

    await post.device.clock.advance(8)
    await post.until_staged("1.0.1")


async def test_switched_off_it_looks_when_it_is_told_to_and_only_then(post: Post, run: Run) -> None:
    post.device.roll_out("1.0.1")
    post.settled = True
    lookout = post.lookout(automatic=False)
    run(lookout)
    await post.device.clock.advance(86_400)
    assert post.looks == 0

    assert await lookout.order(Progress())

    assert post.device.versions == {"1.0.1"}


@pytest.mark.parametrize("ask", ["latest", "order"])
async def test_what_it_takes_to_look_is_made_beside_the_loop(post: Post, ask: str) -> None:
    post.device.roll_out("1.0.1")
    lookout = post.lookout(automatic=False)

    await (lookout.latest() if ask == "latest" else lookout.order(Progress()))
    await lookout.latest()

    assert post.makers
    assert threading.current_thread().name not in post.makers


async def test_a_version_on_trial_never_looks_and_takes_no_orders(post: Post, run: Run) -> None:
    post.device.roll_out("1.0.1")
    post.settled = True
    lookout = post.lookout(role=Role.CANDIDATE)
    run(lookout)
    await post.device.clock.advance(86_400)

    with pytest.raises(Unavailable, match="on trial"):
        await lookout.order(Progress())

    assert post.looks == 0


async def test_a_version_on_trial_reads_the_bucket_to_prove_itself(post: Post) -> None:
    post.device.roll_out("1.0.1")
    lookout = post.lookout(role=Role.CANDIDATE)

    await lookout.read_bucket()

    assert post.reads == 1
    assert post.device.versions == set()


async def test_a_bucket_that_cannot_be_read_proves_nothing(post: Post) -> None:
    with pytest.raises(DownloadFailed):
        await post.lookout().read_bucket()

    assert post.reads == 0


async def test_the_newest_version_is_that_of_the_devices_channel(post: Post) -> None:
    post.device.announce("1.0.7", "production")
    lookout = post.lookout()
    post.device.identity = replace(post.device.identity, environment="production")

    assert await lookout.latest() == "1.0.7"


async def test_an_agent_that_stops_ends_a_download_that_was_ordered(post: Post, run: Run) -> None:
    post.device.bucket.hold()
    post.device.roll_out("1.0.1")
    lookout = post.lookout(automatic=False)
    running = run(lookout)
    order = asyncio.create_task(lookout.order(Progress()))
    async with asyncio.timeout(5):
        while not post.device.leftovers:
            await asyncio.sleep(0.005)

    running.cancel()
    await asyncio.gather(running, order, return_exceptions=True)

    assert order.cancelled()
    assert post.device.leftovers == []


async def test_a_build_with_a_root_never_takes_the_bucket_for_a_plain_one(post: Post) -> None:
    post.device.roll_out("1.0.1")
    post.root = b"the root"
    lookout = post.lookout()

    with pytest.raises(Untrusted):
        await lookout.latest()
    with pytest.raises(Untrusted):
        await lookout.order(Progress())

    assert post.attested == [b"the root"]
    assert post.device.bucket.asked == []
    assert post.device.versions == set()


async def test_a_rate_that_is_not_kept_to_is_said_once(post: Post, said: list[log.Entry]) -> None:
    post.device.seat = replace(post.device.seat, times=Times.of({"REAGENT_UPDATE_RATE": "0.1"}))
    post.device.announce(OURS)
    lookout = post.lookout(automatic=False)

    await lookout.order(Progress())
    await lookout.order(Progress())

    assert [each.message for each in said if "REAGENT_UPDATE_RATE" in each.message] == [
        "REAGENT_UPDATE_RATE is '0.1': 1 kilobyte a second is used"
    ]
