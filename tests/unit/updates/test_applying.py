"""updates.orders: what a person may order, on a real folder, with what is brought on a stick."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from reagent.adapters.localfile import LocalFiles
from reagent.errors import BadRelease, BadRequest, ReagentError, Refused
from reagent.updates.fetch import Progress, Staged
from reagent.updates.orders import Orders
from reagent.updates.seat import Role
from reagent.updates.semver import Version
from reagent.updates.state import State
from reagent.updates.vocabulary import ROLLBACK, UPDATE
from tests.unit.updates.device import OURS, Device, elf


@dataclass
class Looks:
    """Implements `orders.Looks`; who signed for what is not looked at here."""

    device: Device
    is_signed: bool = True

    async def order(self, progress: Progress) -> Staged | None:
        return await self.device.checks.order(progress)

    async def apply(
        self, path: str, demand: Callable[[Version], None], progress: Progress
    ) -> Staged:
        return await self.device.checks.apply(LocalFiles(), path, demand, progress)


@dataclass
class Desk:
    """A device, and who takes orders there."""

    device: Device
    folder: Path
    is_signed: bool = True

    async def order(self, word: str, **arguments: object) -> Mapping[str, object]:
        orders = Orders(
            self.device.seat,
            Looks(self.device, self.is_signed),
            version=OURS,
            arch="amd64",
            now=self.device.clock.now,
        )

        async def no_news(_: Mapping[str, object]) -> None:
            return

        return await orders.obey(word, arguments, no_news)

    def bring(self, version: str) -> str:
        """A file of that version, its checksum beside it."""
        file = self.folder / "reagent"
        file.write_bytes(elf(version))
        digest = hashlib.sha256(elf(version)).hexdigest()
        (self.folder / "reagent.sha256").write_text(digest)
        self.device.processes.says(f"{version}\n", of=self.device.draft(digest))
        return str(file)

    @property
    def trial(self) -> tuple[str, str]:
        trial = self.device.staging.trial()
        return (trial.version, trial.kind) if trial is not None else ("", "")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder, stick = tmp_path / "device", tmp_path / "stick"
    folder.mkdir()
    stick.mkdir()
    return Desk(Device(folder), stick)


async def test_a_newer_version_is_tried_and_ours_stays_wanted(desk: Desk) -> None:
    said = await desk.order("apply", path=desk.bring("1.0.1"))

    assert said["text"] == "1.0.1 is staged; its trial begins at the next start"
    assert desk.trial == ("1.0.1", UPDATE)
    assert desk.device.seat.ledger.state.blocked == ()


@pytest.mark.parametrize("version", ["0.9.0", OURS])
async def test_an_older_one_is_refused_with_the_ways_there_are(desk: Desk, version: str) -> None:
    with pytest.raises(BadRelease, match=r"rollback goes back, --downgrade takes"):
        await desk.order("apply", path=desk.bring(version))
    desk.is_signed = False
    with pytest.raises(BadRelease, match=r"rollback goes back\)"):
        await desk.order("apply", path=desk.bring(version))

    assert desk.device.versions == set()
    assert desk.trial == ("", "")


async def test_an_older_one_that_is_wanted_is_tried_and_ours_given_up_for_it(desk: Desk) -> None:
    desk.device.seat.ledger.put(State(floor=OURS))

    said = await desk.order("apply", path=desk.bring("0.9.0"), downgrade=True)

    blocked = desk.device.seat.ledger.state.blocked
    assert said["text"] == (
        f"0.9.0 is staged; its trial begins at the next start; {OURS} is given up for it, and"
        " blocked"
    )
    assert desk.trial == ("0.9.0", ROLLBACK)
    assert [each.version for each in blocked] == [OURS]


async def test_where_nobody_signs_for_versions_nobody_vouches_for_an_older_one(desk: Desk) -> None:
    desk.is_signed = False

    with pytest.raises(Refused, match="this build is unsigned"):
        await desk.order("apply", path=desk.bring("0.9.0"), downgrade=True)

    assert desk.device.versions == set()


async def test_what_runs_already_is_no_downgrade(desk: Desk) -> None:
    with pytest.raises(BadRelease, match="runs here already"):
        await desk.order("apply", path=desk.bring(OURS), downgrade=True)

    assert desk.trial == ("", "")


async def test_upwards_is_upwards_also_where_downwards_would_do(desk: Desk) -> None:
    await desk.order("apply", path=desk.bring("1.0.1"), downgrade=True)

    assert desk.trial == ("1.0.1", UPDATE)
    assert desk.device.seat.ledger.state.blocked == ()


async def test_what_lies_below_what_ran_here_before_needs_to_be_wanted(desk: Desk) -> None:
    desk.device.seat.ledger.put(State(floor="1.2.0"))

    with pytest.raises(BadRelease, match=r"below 1\.2\.0, which ran here before"):
        await desk.order("apply", path=desk.bring("1.1.0"))
    await desk.order("apply", path=desk.bring("1.1.0"), downgrade=True)

    assert desk.trial == ("1.1.0", UPDATE)


async def test_an_older_one_stays_where_it_was_put_until_something_newer_than_ours_comes(
    desk: Desk,
) -> None:
    await desk.order("apply", path=desk.bring("0.9.0"), downgrade=True)

    desk.device.roll_out(OURS)
    await desk.device.checks.order(_nobody)

    assert desk.trial == ("0.9.0", ROLLBACK)


async def test_a_copy_stages_an_older_one_and_no_more(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    copy = Desk(Device(folder, Role.COPY), desk.folder)

    said = await copy.order("apply", path=copy.bring("0.9.0"), downgrade=True)

    assert said["text"] == "0.9.0 is staged; this agent does not switch versions"
    assert copy.device.seat.ledger.state.blocked == ()


@pytest.mark.parametrize("path", ["", "reagent", 7, None])
async def test_a_path_that_is_none_is_refused(desk: Desk, path: object) -> None:
    with pytest.raises(BadRequest):
        await desk.order("apply", path=path)

    assert desk.trial == ("", "")


@pytest.mark.parametrize("word", ["rollback", "unblock", "bogus"])
async def test_what_cannot_be_done_is_said_in_one_line(desk: Desk, word: str) -> None:
    with pytest.raises(ReagentError) as refused:
        await desk.order(word)

    assert str(refused.value).count("\n") == 0
    assert desk.trial == ("", "")


async def _nobody(_increment: int, _current: int, _total: int) -> None:
    return
