"""Devices that trust a root: what was signed for is taken, nothing else is, and a fleet gets there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.images import architecture
from sandbox.program import Program
from sandbox.variants import Origin, trusts
from tests.fakes.repository import Repository
from tests.frozen.steps import until
from tests.frozen.typed import stick, typed
from tests.frozen.updating import Press, Unit, started

OLDER, NEW, NEWER = "0.9.9", "1.1.0", "1.2.0"

pytestmark = pytest.mark.timeout(150)


@dataclass
class Signer:
    """Releases variants of what is tested, signed for, into the cloud's bucket."""

    origin: Origin
    cloud: Cloud
    folder: Path
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        self.repository = Repository(self.cloud.bucket, now=datetime.now(UTC))
        self.trusting = trusts(self.repository.first_root, self.folder)

    def program(self, version: str) -> Program:
        """A device runs this from the start, and trusts the root."""
        path = self.folder / f"trusting-{version}"
        path.write_bytes(self.executable(version))
        path.chmod(0o755)
        return Program(path, version)

    def executable(self, version: str) -> bytes:
        """That version, as if it had been built with the root."""
        return self.origin.variant(version, trusting=self.trusting)

    def release(self, version: str) -> None:
        """Publish it, sign for it, roll it out; for agents of the field, too."""
        content = self.executable(version)
        self.cloud.bucket.publish(version, content)
        self.repository.add_executable(version, content, arch=architecture())
        self.repository.roll_out(version)
        self.repository.publish()
        self.cloud.bucket.roll_out(version)


@pytest.fixture
def signer(cloud: Cloud, program: Program, tmp_path: Path) -> Signer:
    return Signer(Press.of(cloud, program).origin, cloud, tmp_path)


async def refused(unit: Unit, rule: str) -> None:
    """Wait until it wrote down that it refused something by a rule."""

    def last() -> object:
        trust = unit.state.get("trust")
        note = trust.get("refused") if isinstance(trust, dict) else None
        return note.get("rule") if isinstance(note, dict) else None

    await until(lambda: last() == rule, within=30.0)


async def test_what_was_signed_for_is_tried_and_committed(
    cloud: Cloud, program: Program, signer: Signer, user: Caller
) -> None:
    unit = Unit(cloud, signer.program(program.version))
    signer.release(program.version)
    await started(unit)
    signer.release(NEW)

    await user.ask(unit.device.identity, "update_agent")
    await unit.on(NEW)

    metadata = (await user.ask(unit.device.identity, "get_agent_metadata")).value
    assert isinstance(metadata, dict)
    assert (metadata["version"], metadata["signedUpdates"]) == (NEW, True)
    assert json.loads((unit.folder / "trust.json").read_bytes())["format"] == 1
    assert cloud.bucket.asked("*.sha256") == ()
    assert cloud.bucket.asked("*/availableVersions.json") == ()


async def test_what_nobody_signed_for_is_not_even_looked_at(
    cloud: Cloud, program: Program, signer: Signer, user: Caller
) -> None:
    unit = Unit(cloud, signer.program(program.version))
    signer.release(program.version)
    cloud.bucket.publish(NEW, signer.executable(NEW))
    cloud.bucket.roll_out(NEW)
    await started(unit)

    answer = (await user.ask(unit.device.identity, "update_agent")).value

    assert isinstance(answer, dict)
    assert not answer["DidAgentUpdate"]
    assert cloud.bucket.asked(f"*/{NEW}/*") == ()
    assert unit.active == program.version


async def test_a_bucket_without_metadata_is_refused_by_name(
    cloud: Cloud, program: Program, signer: Signer
) -> None:
    unit = Unit(cloud, signer.program(program.version))
    cloud.bucket.publish(NEW, signer.executable(NEW))
    cloud.bucket.roll_out(NEW)
    await started(unit)

    await refused(unit, "no-metadata")

    assert "refused by the rule no-metadata" in unit.device.log.read_text()
    assert unit.active == program.version


async def test_an_older_bucket_is_refused_after_a_restart_that_lost_the_metadata(
    cloud: Cloud, program: Program, signer: Signer
) -> None:
    unit = Unit(cloud, signer.program(program.version))
    signer.release(program.version)
    old = signer.repository.copy()
    signer.release(program.version)
    await started(unit)
    await until((unit.folder / "trust.json").exists, within=30.0)
    await unit.device.stop()
    (unit.folder / "trust.json").write_bytes(b"{")
    signer.repository.show(old)

    await started(unit)
    await refused(unit, "rollback")

    assert unit.active == program.version


async def test_an_older_version_that_was_signed_for_is_brought_and_stays(
    cloud: Cloud, program: Program, signer: Signer, tmp_path: Path
) -> None:
    unit = Unit(cloud, signer.program(program.version))
    signer.release(OLDER)
    signer.release(program.version)
    await started(unit)
    stranger = await typed(
        unit, "update", "apply", "--downgrade", str(stick(tmp_path, signer.executable("0.9.8")))
    )
    upwards = stick(tmp_path, signer.executable(OLDER))
    refused = await typed(unit, "update", "apply", str(upwards))

    said = await typed(unit, "update", "apply", "--downgrade", str(upwards))
    await unit.on(OLDER, blocked=[program.version])
    check = await typed(unit, "update", "check")

    assert (stranger.status, "nobody signed for" in stranger.error) == (1, True)
    assert (refused.status, "--downgrade takes what somebody signed for" in refused.error) == (
        1,
        True,
    )
    assert (said.status, said.out.startswith(f"{OLDER} is staged; its trial begins")) == (0, True)
    assert f"{program.version} is given up for it" in said.out
    assert (check.status, "is blocked" in check.error) == (1, True)
    assert unit.active == OLDER


async def test_a_fleet_goes_from_unsigned_to_signed_and_stays(
    cloud: Cloud, program: Program, signer: Signer, user: Caller
) -> None:
    """A plain release brings the root; from then on a plain bucket has no say any more."""
    unit = Unit(cloud, program)
    signer.release(program.version)
    await started(unit)
    signer.release(NEW)
    await user.ask(unit.device.identity, "update_agent")
    await unit.on(NEW)
    cloud.bucket.publish("1.1.5", signer.origin.variant("1.1.5"))
    cloud.bucket.roll_out("1.1.5")
    await user.ask(unit.device.identity, "update_agent")

    signer.release(NEWER)
    await user.ask(unit.device.identity, "update_agent")
    await unit.on(NEWER)

    assert cloud.bucket.asked("*/1.1.5/*") == ()
