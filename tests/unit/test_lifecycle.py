from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from reagent.api.dispatch import Dispatcher, Privileges
from reagent.api.pending import pending
from reagent.contracts.backend import Metadata
from reagent.contracts.host import Host
from reagent.device.milestones import Milestones, Moment
from reagent.device.status import StatusReport
from reagent.errors import CallFailed, NotConnected, StoreFailed
from reagent.lifecycle import OnConnect, Parts, boot_apps
from reagent.model.app import WantedApp
from reagent.model.device import Identity, Stats, Status
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock, settle
from tests.fakes.engine import FakeEngine
from tests.fakes.messenger import FakeMessenger

IDENTITY = Identity(serial_number="SN-1", swarm_key=1, device_key=1)


class StillHost:
    """A host without figures."""

    async def stats(self) -> Stats:
        return Stats()


class FakeApps:
    """Writes down what it is asked."""

    def __init__(self, story: list[str]) -> None:
        self.story = story
        self.boot_fails: Exception | None = None

    async def boot(self) -> None:
        self.story.append("boot")
        if self.boot_fails:
            raise self.boot_fails

    def fetching(self) -> None:
        self.story.append("fetching")

    async def sync(self, rows: Sequence[WantedApp]) -> None:
        self.story.append(f"sync {len(rows)}")

    async def resume(self) -> None:
        self.story.append("resume")

    def ensure_remote(self) -> None:
        self.story.append("ensure")

    def containers(self) -> Sequence[str]:
        return ["prod_1_a"]


class FakeLogs:
    """Writes down what it is asked."""

    def __init__(self, story: list[str]) -> None:
        self.story = story
        self.broken = False

    async def revive(self, containers: Sequence[str]) -> None:
        self.story.append(f"revive {' '.join(containers)}")
        if self.broken:
            raise CallFailed("no list")

    async def subscribe_meta(self) -> None:
        self.story.append("meta")


class Device:
    """A device whose parts are fakes, one session old."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.said: list[str] = []
        self.clock = FakeClock()
        self.backend = FakeBackend()
        self.messenger = FakeMessenger()
        self.apps = FakeApps(self.story)
        self.logs = FakeLogs(self.story)
        self.booted = asyncio.Event()
        self.milestones = Milestones(self.clock.monotonic())
        self.milestones.reach(Moment.DIALLING, self.clock.monotonic())
        self.project_changes = False
        self.base_url = ""
        self.emergency = False

    def refresh(self, metadata: Metadata) -> bool:
        self.story.append(f"refresh {metadata.swarm_key}")
        return self.project_changes

    def sequence(self) -> OnConnect:
        def learn(url: str) -> None:
            self.base_url = url

        status = StatusReport(
            self.backend,
            cast(Host, StillHost()),
            emergency=lambda: self.emergency,
            learn_base_url=learn,
        )
        dispatcher = Dispatcher(
            pending("1.0.0"), Privileges(self.backend, lambda: IDENTITY), lambda: IDENTITY
        )
        parts = Parts(
            messenger=self.messenger,
            backend=self.backend,
            dispatcher=dispatcher,
            identities=self,
            apps=self.apps,
            logs=self.logs,
            status=status,
            clock=self.clock,
            milestones=self.milestones,
            learn_credential_key=lambda key: self.story.append(f"key {key}"),
            request_reconnect=lambda: self.story.append("reconnect"),
            say=self.said.append,
        )
        return OnConnect(parts, self.booted)


async def test_the_sequence_goes_through_its_phases_in_order() -> None:
    device = Device()
    device.booted.set()

    await device.sequence().run(reconnect=False)

    assert device.backend.asked[:3] == ["read_metadata", "app_credential_key", "report_status"]
    assert device.story[:2] == ["refresh 1", "key key"]
    assert [each for each in device.story if each.startswith(("revive", "meta"))] == [
        "revive prod_1_a",
        "meta",
    ]
    told = ("fetching", "sync", "ensure")
    assert [each for each in device.story if each.startswith(told)] == [
        "fetching",
        "sync 0",
        "ensure",
    ]
    assert device.backend.statuses == [Status.CONFIGURING, Status.CONNECTED]
    assert device.backend.architectures == 1
    assert device.base_url == device.backend.base_url


async def test_how_long_the_start_took_is_said_once_when_the_device_is_green() -> None:
    device = Device()
    device.booted.set()
    sequence = device.sequence()

    await sequence.run(reconnect=False)
    said = list(device.said)
    await sequence.run(reconnect=True)

    assert [line.partition(":")[0] for line in said] == [
        "pre-connection initialisation",
        "socket connection, from launch",
        "socket connection, from connection start",
        "on-connect sequence, from launch",
        "on-connect sequence, from connection start",
        "green, from launch",
    ]
    assert device.said == said


async def test_a_moved_device_connects_anew_before_it_does_anything_else() -> None:
    device = Device()
    device.project_changes = True

    await device.sequence().run(reconnect=False)

    assert device.story == ["refresh 1", "reconnect"]
    assert device.backend.statuses == []


async def test_phases_that_fail_do_not_keep_the_device_unreachable() -> None:
    device = Device()
    device.booted.set()
    device.logs.broken = True
    for method in ("read_metadata", "app_credential_key", "report_architecture"):
        device.backend.fail(method)

    await device.sequence().run(reconnect=True)

    assert "meta" in device.story
    assert device.backend.statuses[-1] is Status.CONNECTED


async def test_without_a_list_from_the_platform_nothing_is_removed() -> None:
    device = Device()
    device.booted.set()
    device.backend.fail("requested_apps")

    await device.sequence().run(reconnect=False)

    assert "resume" in device.story
    assert not any(each.startswith("sync") for each in device.story)


async def test_apps_wait_for_the_engine_and_logs_of_the_agent_do_not() -> None:
    device = Device()
    running = asyncio.create_task(device.sequence().run(reconnect=False))
    await settle()

    before = list(device.story)
    device.booted.set()
    await running

    assert "sync 0" not in before
    assert device.backend.statuses == [Status.CONFIGURING, Status.CONNECTED]


async def test_the_last_report_is_repeated_until_the_platform_takes_it() -> None:
    device = Device()
    device.booted.set()
    device.backend.fail("report_status")
    running = asyncio.create_task(device.sequence().run(reconnect=False))
    await settle()
    refused = list(device.backend.statuses)

    device.backend.mend("report_status")
    await device.clock.advance(60)
    await running

    assert refused == []
    assert device.backend.statuses == [Status.CONNECTED]


async def test_a_session_that_ends_before_the_last_report_is_no_error() -> None:
    device = Device()
    device.booted.set()
    device.backend.fail("report_status", NotConnected())
    device.messenger.go_down()

    await device.sequence().run(reconnect=False)

    assert device.backend.statuses == []


async def test_an_emergency_takes_the_place_of_connected_only() -> None:
    device = Device()
    device.booted.set()
    device.emergency = True

    await device.sequence().run(reconnect=False)

    assert device.backend.statuses == [Status.CONFIGURING, Status.EMERGENCY]


async def test_an_engine_that_is_late_is_said_once_and_waited_for() -> None:
    device, engine = Device(), FakeEngine()
    engine.go_down()
    booting = asyncio.create_task(
        boot_apps(engine, device.apps, device.clock, device.booted, device.said.append)
    )
    for _ in range(30):
        await device.clock.advance(1)
    waiting = (list(device.said), device.booted.is_set())

    engine.come_up()
    await device.clock.advance(3)
    await booting

    assert len(waiting[0]) == 1
    assert "does not answer" in waiting[0][0]
    assert waiting[1] is False
    assert device.booted.is_set()
    assert device.story == ["boot"]
    assert len(device.said) == 2


@pytest.mark.parametrize(
    "fault", [StoreFailed("disk I/O error"), KeyError("what no engine ever left out")]
)
async def test_what_fails_at_boot_does_not_hold_the_device_back(fault: Exception) -> None:
    device, engine = Device(), FakeEngine()
    device.apps.boot_fails = fault

    await boot_apps(engine, device.apps, device.clock, device.booted, device.said.append)

    assert device.booted.is_set()
