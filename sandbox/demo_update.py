"""The second half of `./demo`: a release, a device that takes it, and three that it gets rid of."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.progress import Progress
from sandbox import images
from sandbox.callers import SYSTEM, Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.processes import SandboxError
from sandbox.workshop import EXITS_AT_ONCE, NEVER_JOINS, Spoil, Workshop

WITNESS: Final = (102, "witness", "1.0.0")
PROOF_S: Final = 6
SOAK_S: Final = 2
_WITHIN_S: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the scenes of this half share."""

    progress: Progress
    cloud: Cloud
    device: Device
    workshop: Workshop

    @property
    def active(self) -> str:
        """The version file that `Reagent-active` names."""
        return Path(self.device.flashed.active).resolve().name

    @property
    def blocked(self) -> dict[str, str]:
        """Versions that the device will not take, with the reason."""
        file = self.device.flashed.folder / "updates.json"
        if not file.exists():
            return {}
        entries = json.loads(file.read_bytes()).get("blocked", [])
        return {str(each["version"]): str(each["why"]) for each in entries}

    async def restarted(self) -> int:
        """Start the device anew; returns how many statuses were reported before."""
        seen = len(self.cloud.backend.statuses(self.device.identity))
        await self.device.stop()
        await self.device.serve(restart_after=1.0)
        return seen

    async def until_settled(self, version: str, *, since: int, gone: str = "") -> float:
        """Wait until the device is CONNECTED as `version`, and `gone` is blocked.

        Raises:
            TimeoutError: it is not, with what it is instead.
        """
        begun = time.monotonic()
        who = self.device.identity
        try:
            async with asyncio.timeout(_WITHIN_S):
                while not (
                    self.active == f"reagent-v{version}"
                    and (not gone or gone in self.blocked)
                    and self.trial is None
                ):
                    await asyncio.sleep(0.1)
                said = self.cloud.backend.database.architecture
                while said(who.device_key).get("agent_version") != version or (
                    self.cloud.backend.statuses(who)[since:][-1:] != ["CONNECTED"]
                ):
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise TimeoutError(
                f"active is {self.active}, blocked {self.blocked}, trial {self.trial}, statuses "
                f"{self.cloud.backend.statuses(who)[since:]}\n{self.device.tail(40)}"
            ) from error
        return time.monotonic() - begun

    @property
    def container_id(self) -> str:
        """The id of the witness's container; empty where there is no engine."""
        engine = self.cloud.services.engine
        if engine is None:
            return ""
        key, name, _ = WITNESS
        with engine.client() as client:
            return str(client.containers.get(self.device.container(key, name)).id)

    @property
    def trial(self) -> object:
        """What is being tried right now."""
        file = self.device.flashed.folder / "updates.json"
        return json.loads(file.read_bytes()).get("trial") if file.exists() else None


async def take(scene: Scene, version: str) -> str:
    """Build, publish and roll out a good version, and watch the device take it."""
    scene.progress.step(f"build, publish and roll out {version}")
    await asyncio.to_thread(scene.workshop.build, version)
    await asyncio.to_thread(scene.workshop.publish)
    await asyncio.to_thread(scene.workshop.roll_out, "local", version)
    scene.progress.step(f"restart the device: it finds, tries and commits {version}")
    since = await scene.restarted()
    took = await scene.until_settled(version, since=since)
    scene.progress.say(f"    active is {scene.active}, CONNECTED after {took:.1f} s")
    return f"{version} taken in {took:.1f} s"


async def refuse(scene: Scene, version: str, stays: str, what: str, spoiled: Spoil | None) -> str:
    """Roll out a broken version, and watch the device get rid of it for good."""
    scene.progress.step(f"roll out {version}, which {what}")
    if spoiled is None:
        scene.cloud.bucket.publish(version, b"#!/bin/no/such/interpreter\n" * 4096)
    else:
        executable = await asyncio.to_thread(scene.workshop.build, version, spoiled)
        scene.cloud.bucket.publish(version, executable)
    scene.cloud.bucket.roll_out(version, "local")
    since = await scene.restarted()
    took = await scene.until_settled(stays, since=since, gone=version)
    scene.progress.say(f"    {version} is blocked: {scene.blocked[version]}")
    scene.progress.say(f"    active is {scene.active}, CONNECTED; settled after {took:.1f} s")
    scene.cloud.bucket.forget()
    since = await scene.restarted()
    await scene.until_settled(stays, since=since, gone=version)
    async with asyncio.timeout(30):
        while not scene.cloud.bucket.asked("*availableVersions.json"):
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    fetched = scene.cloud.bucket.asked(f"*/{version}/reagent")
    if fetched:
        raise SandboxError(f"{version} is blocked and was fetched again")
    scene.progress.say("    started again: the blocked version is not fetched again")
    return f"{version}, which {what}: blocked, the device stays on {stays}"


async def start_witness(scene: Scene) -> str:
    """Let the device run an app that must not notice what follows; returns its container's id."""
    engine = scene.cloud.services.engine
    if engine is None:
        return ""
    key, name, version = WITNESS
    who = scene.device.identity
    scene.cloud.registry.push_app(key, name, version, images.app("counter"))
    row: dict[str, object] = {
        "app_key": key,
        "app_name": name,
        "stage": "PROD",
        "current_state": "REMOVED",
        "target_state": "RUNNING",
        "release_key": 900,
        "requestor_account_key": who.owner_account,
        "present_version": version,
        "newest_version": version,
    }
    scene.cloud.backend.database.want_app(who.device_key, row)
    async with Caller(scene.cloud.router, SYSTEM) as caller:
        await caller.ask(who, "request_app_state", **row)
    await scene.cloud.backend.state(who, key, "RUNNING")
    return scene.container_id


async def releases(
    progress: Progress, cloud: Cloud, device: Device, workshop: Workshop
) -> list[str]:
    """The whole half; returns what was shown.

    Raises:
        TimeoutError: the device did not end up as it has to.
        SandboxError: something else is not as it has to be.
    """
    scene = Scene(progress=progress, cloud=cloud, device=device, workshop=workshop)
    progress.step("publish and roll out what the device runs")
    await asyncio.to_thread(workshop.adopt, device.program.executable)
    await asyncio.to_thread(workshop.publish)
    await asyncio.to_thread(workshop.roll_out)
    progress.step("let an app run that must not notice what follows")
    before = await start_witness(scene)
    device.flags = (f"-remoteUpdateURL={cloud.bucket.url}",)
    device.environment |= {
        "REAGENT_UPDATE_PROOF_S": str(PROOF_S),
        "REAGENT_UPDATE_SOAK_S": str(SOAK_S),
    }
    shown = [
        await take(scene, "1.0.1"),
        await refuse(scene, "1.0.2", "1.0.1", "cannot be executed", None),
        await refuse(scene, "1.0.3", "1.0.1", "exits at once", EXITS_AT_ONCE),
        await refuse(scene, "1.0.4", "1.0.1", "never joins", NEVER_JOINS),
        await take(scene, "1.0.5"),
    ]
    if scene.container_id != before:
        raise SandboxError("the app's container was replaced by an update")
    if before:
        shown.append(f"the app's container ran through all of it, id {before[:12]}")
    return shown
