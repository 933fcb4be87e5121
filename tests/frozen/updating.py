"""Devices that update themselves, and what can be seen of it: links, files, `updates.json`.

Versions are variants of one executable (`sandbox/variants.py`). Proof and soak are short, so that
an update that takes half an hour in the field takes seconds here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.under_test import patient
from sandbox.variants import Broken, Origin

PROOF_S = 6.0
SOAK_S = 1.0

# What the log says when another process has its turn.
_TURNS = ("trial begins", "committed", "handing over")


@dataclass(frozen=True, slots=True)
class Press:
    """Makes versions out of what is tested, and puts them into a bucket."""

    origin: Origin
    cloud: Cloud

    @staticmethod
    def of(cloud: Cloud, program: Program) -> Press:
        """Skips the test where the program is no static executable."""
        try:
            return Press(Origin.of(program.executable, program.version), cloud)
        except SandboxError as error:
            pytest.skip(str(error))

    def release(self, version: str, broken: Broken | None = None, *channels: str) -> None:
        """Publish that version and roll it out; to every channel where none is named."""
        self.cloud.bucket.publish(version, self.origin.variant(version, broken))
        self.cloud.bucket.roll_out(version, *channels)

    def sha256(self, version: str) -> str:
        """The digest of a good version."""
        return hashlib.sha256(self.origin.variant(version)).hexdigest()


class Unit:
    """A device that looks for updates, and what its folder says."""

    def __init__(
        self,
        cloud: Cloud,
        program: Program,
        *,
        proof: float = PROOF_S,
        soak: float = SOAK_S,
        channel: str = "local",
    ) -> None:
        flags = (f"-remoteUpdateURL={cloud.bucket.url}", "-debug")
        self.cloud = cloud
        self.device: Device = cloud.new_device(
            program, flags=flags, changes={"environment": channel}
        )
        self.device.environment |= {
            "REAGENT_UPDATE_PROOF_S": f"{patient(proof):g}",
            "REAGENT_UPDATE_SOAK_S": f"{soak:g}",
        }

    # --- what its folder says

    @property
    def folder(self) -> Path:
        """Where its versions are."""
        return self.device.flashed.folder

    @property
    def ledger(self) -> Path:
        """`updates.json`."""
        return self.folder / "updates.json"

    @property
    def active(self) -> str:
        """The version that `Reagent-active` names."""
        return self.named("active")

    def named(self, link: str) -> str:
        """The version that a link names; empty where there is no such file."""
        path = self.folder / f"Reagent-{link}"
        if not path.is_symlink() or not path.exists():
            return ""
        return path.resolve().name.removeprefix("reagent-v")

    @property
    def state(self) -> dict[str, object]:
        """What `updates.json` says; nothing where it is not there."""
        try:
            content = json.loads(self.ledger.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def trial(self) -> dict[str, object]:
        """What is being tried; nothing where nothing is."""
        trial = self.state.get("trial")
        return trial if isinstance(trial, dict) else {}

    @property
    def attempt(self) -> dict[str, object]:
        """The attempt that is open or not settled yet; nothing where there is none."""
        attempt = self.trial.get("attempt")
        return attempt if isinstance(attempt, dict) else {}

    @property
    def given_back(self) -> object:
        """How many attempts in a row the world spoiled."""
        return self.trial.get("given_back", 0)

    @property
    def blocked(self) -> list[str]:
        """The versions that are blocked."""
        found = self.state.get("blocked")
        return [str(each["version"]) for each in found] if isinstance(found, list) else []

    @property
    def candidates(self) -> list[int]:
        """The processes of its tree besides the one that was started."""
        return self.device.leftovers()

    @property
    def is_settled(self) -> bool:
        """Whether one process runs, and is CONNECTED, and nothing of an update came after that."""
        if not self.device.running or self.candidates:
            return False
        said = self.device.log.read_text(encoding="utf-8")
        return said.rfind('"the device is connected"') > max(
            said.rfind(f'"{after}') for after in ("session ended", *_TURNS)
        )

    @property
    def reported(self) -> object:
        """The version that the platform was told last."""
        said = self.cloud.backend.database.architecture(self.device.identity.device_key)
        return said.get("agent_version")

    @property
    def statuses(self) -> list[str]:
        """What was reported so far."""
        return self.cloud.backend.statuses(self.device.identity)

    # --- waiting for it

    async def connected(self, *, since: int = 0, within: float = 20.0) -> None:
        """Wait until it reports CONNECTED."""
        await self.cloud.backend.status(
            self.device.identity, "CONNECTED", since=since, within=within
        )

    async def until(self, what: str, within: float = 30.0, **wanted: object) -> None:
        """Wait until properties of this object are as wanted; `what` says why."""

        def now() -> dict[str, object]:
            return {name: getattr(self, name) for name in wanted}

        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while now() != wanted:
                    await asyncio.sleep(0.03)
        except TimeoutError as error:
            raise TimeoutError(f"{what}, not in {within:g} s: {self.described()}") from error

    async def on(self, version: str, *, blocked: Iterable[str] = (), within: float = 40.0) -> None:
        """Wait until it is CONNECTED as this version, for good, and these are blocked."""
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while not (
                    self.active == version
                    and not self.trial
                    and set(blocked) <= set(self.blocked)
                    and self.reported == version
                    and self.is_settled
                ):
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise TimeoutError(f"not on {version} in {within:g} s: {self.described()}") from error

    async def tried(self, within: float = 30.0) -> None:
        """Wait until an attempt is open and its candidate runs."""
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while not (self.attempt.get("end") == "" and self.candidates):
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            raise TimeoutError(f"no trial in {within:g} s: {self.described()}") from error

    def described(self) -> str:
        """For the text of a failed test."""
        links = {name: self.named(name) for name in ("active", "previous", "latest")}
        return (
            f"{links}, reported {self.reported}, {self.statuses[-4:]}, exits {self.device.exits},"
            f" {json.dumps(self.state)}\n{self.device.tail(40)}"
        )


async def started(*units: Unit) -> None:
    """Start them, each started again whenever it ends, and wait until they are CONNECTED."""

    async def start(unit: Unit) -> None:
        seen = len(unit.statuses)
        await unit.device.serve(restart_after=0.5)
        await unit.connected(since=seen)

    await asyncio.gather(*(start(unit) for unit in units))
