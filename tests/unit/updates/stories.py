"""What an update does to a disk, as stories that a power cut can interrupt anywhere.

A story is a device and what is done on it. What only prepares it belongs to the device: the power
never goes there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reagent.contracts.control import Plain
from reagent.updates import commit
from reagent.updates.fetch import Progress, Staged
from reagent.updates.ledger import Ledger
from reagent.updates.mending import mend
from reagent.updates.orders import Orders
from reagent.updates.seat import Seat
from reagent.updates.semver import Version
from reagent.updates.vocabulary import ACTIVE, LATEST, PREVIOUS, version_of
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER, Device

OLD: Final = "1.4.0"
NEW: Final = "1.5.0"
OLDER: Final = "1.3.0"

Act = Callable[[Device], None]


@dataclass(frozen=True, slots=True)
class Story:
    """One thing that is done to a device.

    Attributes:
        operation: what people call it; several stories may belong to one.
        device: makes the device, as it is before.
        act: what the power may interrupt, recovery of the next start included.
        before_start: what a service does before it starts `Reagent-active`; nothing for most.
    """

    operation: str
    device: Callable[[], Device]
    act: Act
    before_start: Act = lambda _: None

    def settle(self, device: Device) -> None:
        """Power on, and go on until nothing is due."""
        self.before_start(device)
        device.settle()


# --- what is done


def take(version: str, behaviour: str) -> Act:
    """Download, stage, schedule, and whatever follows from it."""

    def story(device: Device) -> None:
        life.stage(device, seat_of(device), version, behaviour)
        device.settle()

    return story


def take_in_two_parts(device: Device) -> None:
    """A download that breaks off, and goes on in the process after that."""
    life.begin(seat_of(device), life.body(NEW, "good"))
    take(NEW, "good")(device)


def take_two(device: Device) -> None:
    take(NEW, "good")(device)
    take("1.6.0", "good")(device)


def tidy(device: Device) -> None:
    own = device.links.active
    commit.tidy(device.files, FOLDER, Ledger(device.files, FOLDER), own=own)


def crash(device: Device) -> None:
    """A committed version that crashes five times in its first day."""
    machine = device.begin()
    for _ in range(6):
        device.launch(machine)
    device.settle()


def settle(device: Device) -> None:
    device.settle()


def order_back(device: Device) -> None:
    """`reagent update rollback`, and the start after it."""
    obey(device, "rollback", {})
    device.settle()


def apply(device: Device) -> None:
    """`reagent update apply FILE` where no agent runs, and the start after it."""
    obey(device, "apply", {"path": f"/media/stick/{NEW}"})
    device.settle()


def step_down(device: Device) -> None:
    """`reagent update apply --downgrade FILE` where no agent runs, and the start after it."""
    obey(device, "apply", {"path": f"/media/stick/{OLDER}", "downgrade": True})
    device.settle()


def repair(device: Device) -> None:
    """`reagent update repair`, which a service runs before every start."""
    mend(device.files, FOLDER, Ledger(device.files, FOLDER).state, 1_900_000_000.0)


# --- with what


@dataclass
class Stick:
    """Implements `orders.Looks`: a file that somebody brought."""

    device: Device
    seat: Seat
    is_signed: bool = True

    async def order(self, progress: Progress) -> Staged | None:
        return None

    async def apply(
        self, path: str, demand: Callable[[Version], None], progress: Progress
    ) -> Staged:
        version = path.rpartition("/")[2]
        demand(Version.parse(version))
        content = life.body(version, "good")
        trial = life.trial_of(version, content)
        life.put_into_place(self.seat, version, content)
        return Staged(version=version, sha256=trial.sha256, size=trial.size, fetched=True)


def obey(device: Device, order: str, arguments: Plain) -> None:
    """Have an order obeyed by a command, as no agent runs."""
    seat = offline_seat(device)
    orders = Orders(
        seat,
        Stick(device, seat),
        version=version_of(seat.own),
        arch="amd64",
        now=lambda: 10_000.0 + device.clock,
    )

    async def no_news(_: Plain) -> None:
        return

    asyncio.run(orders.obey(order, arguments, no_news))


def offline_seat(device: Device) -> Seat:
    """As `launcher.seat_for_orders` makes it."""
    return device.seat(device.links.active, f"boot-{device.boots}")


def seat_of(device: Device) -> Seat:
    """Power on, and be the agent."""
    seat = device.settle()
    if seat is None:
        raise AssertionError("another agent runs here")
    return seat


def updated() -> Device:
    """A device that took one version."""
    device = life.flashed()
    take(NEW, "good")(device)
    return at_rest(device)


def settled_in() -> Device:
    """A device of the reference that was won over."""
    device = life.arrived()
    device.settle()
    return at_rest(device)


def waiting() -> Device:
    """The same, and another version waits for an hour until it is tried again."""
    device = updated()
    life.stage(device, seat_of(device), "1.6.0", "mute")
    ledger = Ledger(device.files, FOLDER)
    trial = ledger.state.trial
    if trial is None:
        raise AssertionError("nothing waits")
    later = 10_000.0 + device.clock + 3600.0
    ledger.put(replace(ledger.state, trial=replace(trial, not_before=later, pause=3600.0)))
    return at_rest(device)


def littered() -> Device:
    """A device with what nobody needs any more: two versions, and what cuts left behind."""
    device = life.flashed()
    take_two(device)
    for name in ("reagent-v1.3.0", ".put.tmp", ".link.tmp", "downloads/1", "downloads/2"):
        device.files.file(f"{FOLDER}/{name}", life.body("1.3.0", "good"))
    return at_rest(device)


def without(*names: str) -> Callable[[], Device]:
    """A device whose links name nothing any more."""

    def device() -> Device:
        made = updated()
        for name in names:
            made.files.unlink(f"{FOLDER}/{name}")
        return at_rest(made)

    return device


def at_rest(device: Device) -> Device:
    """All that happened is on the disk."""
    device.files.fsync(FOLDER)
    device.files.fsync(f"{FOLDER}/downloads")
    return device


def spoiled(device: Device) -> Device:
    """It does not know what it committed."""
    device.files.file(f"{FOLDER}/updates.json", b"\0" * 100)
    return device


UPDATE: Final = "update: download, stage, schedule, trial, commit"
TRIAL: Final = "rollback of a trial"
COMMITTED: Final = "rollback of a committed version"
TIDY: Final = "clean-up"
APPLY: Final = "`reagent update apply`, then commit"
REPAIR: Final = "`reagent update repair`"
ARRIVAL: Final = "arrival from the reference, and back to it"

STORIES: Final[Mapping[str, Story]] = {
    "a good version is taken": Story(UPDATE, life.flashed, take(NEW, "good")),
    "a download that goes on in the next process": Story(UPDATE, life.flashed, take_in_two_parts),
    "two versions, one after the other": Story(UPDATE, life.flashed, take_two),
    "a version that exits is blocked": Story(TRIAL, life.flashed, take(NEW, "exits")),
    "a version that never joins is blocked": Story(TRIAL, life.flashed, take(NEW, "mute")),
    "a version that hangs is blocked": Story(TRIAL, life.flashed, take(NEW, "silent")),
    "a file that cannot be executed is blocked": Story(TRIAL, life.flashed, take(NEW, "noexec")),
    "a file that nobody has the memory for": Story(TRIAL, life.flashed, take(NEW, "noroom")),
    "a committed version that crashes": Story(COMMITTED, updated, crash),
    "a committed version that crashes while another waits": Story(COMMITTED, waiting, crash),
    "a committed version that somebody gives up": Story(COMMITTED, updated, order_back),
    "old versions are tidied away": Story(TIDY, littered, tidy),
    "a committed version that is given up for the reference's agent": Story(
        COMMITTED, settled_in, order_back
    ),
    "a file that somebody brings": Story(APPLY, life.flashed, apply),
    "an older version that somebody brings": Story(APPLY, updated, step_down),
    "no link that is started": Story(REPAIR, without(ACTIVE), repair, repair),
    "no link at all": Story(REPAIR, without(ACTIVE, PREVIOUS, LATEST), repair, repair),
    "no link that is started, and no state": Story(
        REPAIR, lambda: spoiled(without(ACTIVE, LATEST)()), repair, repair
    ),
    "let in by the reference, and good": Story(ARRIVAL, life.arrived, settle),
    "let in by the reference, and broken": Story(
        ARRIVAL, lambda: life.arrived("exits arriving"), settle
    ),
    "let in by the reference, and mute": Story(
        ARRIVAL, lambda: life.arrived("mute arriving"), settle
    ),
}
