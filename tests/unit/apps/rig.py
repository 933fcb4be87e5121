"""A device for scenarios: the facade over an engine in memory, a real database, a recording cloud.

rig.engine.offers(rig.image("1.0.0"))
await rig.ask("RUNNING", newest_version="1.0.0")
assert rig.cloud.told == ["STARTING", "DOWNLOADING", "PRESENT", "RUNNING"]
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from reagent.adapters.sqlite.store import SqliteStore, open_store
from reagent.apps.apps import Apps
from reagent.apps.folders import Folders
from reagent.apps.learnt import Learnt
from reagent.contracts.engine import Lines
from reagent.contracts.host import Address
from reagent.errors import CallFailed, EngineFailed, NotConnected, RecordNotFound
from reagent.model.app import App, AppKey, WantedApp
from reagent.model.device import Identity, Stats
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

IDENTITY = Identity(
    serial_number="test-serial-001",
    secret="test-secret",
    swarm_key=1,
    device_key=1,
    environment="production",
    device_endpoint_url="ws://localhost:8080/ws",
    docker_registry_url="registry/",
    docker_main_repository="main/",
)
_BACKGROUND = ("look at containers", "start PROD", "start DEV", "follow the engine")


class Clock(FakeClock):
    """Work never waits for it; what only waits (looks, crashed apps) waits for `pass_time`."""

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name().startswith(_BACKGROUND):
            await super().sleep(seconds)
            return
        self._since += seconds
        await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass in steps of a second at most, and everybody have their say in between."""
        while seconds > 0:
            step = min(seconds, 1.0)
            seconds -= step
            await self.advance(step)


class Cloud(FakeBackend):
    """A platform that can also be out of reach, or refuse to hear of one state.

    `meanwhile`: what happens while the next report is under way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refuses_state = ""
        self.connected = True
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self._heard = asyncio.Event()

    async def until_told(self, state: str) -> None:
        """Wait until a state was reported, of whatever app."""
        async with asyncio.timeout(10):
            while state not in self.told:
                await self._heard.wait()

    async def until_told_again(self, state: str, since: int) -> None:
        """Wait until a state was reported once more, after so many reports."""
        async with asyncio.timeout(10):
            while state not in self.told[since:]:
                await self._heard.wait()

    @property
    def told(self) -> list[str]:
        """Reported states, all apps together, in order."""
        return [report.state for report in self.reports]

    def go_offline(self) -> None:
        self.connected = False
        for method in ("report_app", "registry_token", "save_ports"):
            self.fail(method, NotConnected())

    def come_online(self) -> None:
        self.connected = True
        for method in ("report_app", "registry_token", "save_ports"):
            self.mend(method)

    async def report_app(self, app: App) -> None:
        if app.state == self.refuses_state:
            raise CallFailed("the platform refuses the report")
        if (happens := self.meanwhile) is not None:
            self.meanwhile = None
            await happens()
        await super().report_app(app)
        self._heard.set()
        self._heard = asyncio.Event()


class Machine:
    """A host with free ports and nothing else."""

    def __init__(self) -> None:
        self.gpu = False

    async def stats(self) -> Stats:
        return Stats()

    def addresses(self) -> Sequence[Address]:
        return ()

    def primary_ipv4(self) -> str:
        return "192.0.2.7"

    def description(self) -> str:
        return "linux"

    def has_gpu(self) -> bool:
        return self.gpu

    def exists(self, path: str) -> bool:
        return False

    def port_free(self, port: int, protocol: str) -> bool:
        return True


class Diary:
    """Writes down what is asked of the logs, and reads downloads as the real ones do."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    async def notice(self, container: str, text: str) -> None:
        self.entries.append(f"{container}: {text}")

    async def clear_remote(self, container: str) -> None:
        self.entries.append(f"clear remote {container}")

    async def clear_history(self, container: str) -> None:
        self.entries.append(f"clear history {container}")

    async def follow(self, container: str) -> None:
        self.entries.append(f"follow {container}")

    async def resume(self, container: str) -> None:
        self.entries.append(f"resume {container}")

    async def stream(self, container: str, lines: Lines) -> None:
        last = "{}"
        async for batch in lines:
            last = batch[-1]
        if error := json.loads(last).get("error"):
            raise EngineFailed(error)

    async def revive(self, containers: Sequence[str]) -> None:
        self.entries.append(f"revive {' '.join(containers)}")

    async def drain(self, container: str) -> None:
        self.entries.append(f"drain {container}")

    def told(self, text: str) -> bool:
        """Whether any entry holds a text."""
        return any(text in entry for entry in self.entries)


class Rig:
    """Everything, wired."""

    def __init__(self, folder: Path, store: SqliteStore, clock: Clock) -> None:
        self.folders = Folders(folder / "apps")
        self.store = store
        self.clock = clock
        self.engine = FakeEngine(clock.now)
        self.cloud = Cloud()
        self.machine = Machine()
        self.logs = Diary()
        self.learnt = Learnt(base_url="https://studio.example")
        self.full = False
        self.nudges = 0
        self.apps = self.restarted()

    def restarted(self) -> Apps:
        """The facade of the next process over the same world."""
        self.apps = Apps(
            engine=self.engine,
            store=self.store,
            backend=self.cloud,
            clock=self.clock,
            host=self.machine,
            logs=self.logs,
            identity=lambda: IDENTITY,
            arch="amd64",
            folders=self.folders,
            learnt=self.learnt,
            emergency=lambda: self.full,
            connected=lambda: self.cloud.connected,
            nudge=self._nudged,
        )
        return self.apps

    async def _nudged(self) -> None:
        self.nudges += 1

    @staticmethod
    def image(version: str = "", *, stage: str = "prod", key: int = 1, name: str = "app") -> str:
        """The reference of an image; without a version the repository."""
        return f"registry/main/{stage}_amd64_{key}_{name}" + (f":{version}" if version else "")

    @staticmethod
    def wanted(target: str, current: str = "REMOVED", **fields: object) -> WantedApp:
        """A request for app 1 `App`."""
        start = WantedApp(
            app_key=1, app_name="App", stage="PROD", target=target, current=current,
            requestor_account_key=5,
        )  # fmt: skip
        return replace(start, **fields)  # type: ignore[arg-type]

    async def ask(self, target: str, current: str = "REMOVED", **fields: object) -> None:
        """Request, and wait until nothing is being worked on any more."""
        await self.apps.request(self.wanted(target, current, **fields))
        await self.apps.settled()

    async def begin(self, state: str, **fields: object) -> App:
        """App 1 is known and in this state; nothing was reported yet."""
        wanted = self.wanted(state, state, **{"present_version": "1.0.0", **fields})
        await self.apps._requests.store(wanted)
        return self.app(wanted.stage, wanted.app_key)

    def app(self, stage: str = "PROD", key: int = 1) -> App:
        """The live record."""
        app = self.apps.get(AppKey(key, stage))
        if app is None:
            raise LookupError(f"no app {key} ({stage})")
        return app

    async def row(self, stage: str = "PROD") -> WantedApp | None:
        """The stored request of app 1."""
        try:
            return await self.store.wanted(AppKey(1, stage))
        except RecordNotFound:
            return None


@asynccontextmanager
async def open_rig(folder: Path) -> AsyncIterator[Rig]:
    """A rig, ended with everything that runs in it."""
    clock = Clock()
    async with open_store(folder / "reagent.db", clock) as store:
        rig = Rig(folder, store, clock)
        try:
            yield rig
        finally:
            await rig.apps.close()
