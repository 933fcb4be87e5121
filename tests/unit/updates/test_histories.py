"""Whatever happens to a device, in whatever order: what runs was proven here, and in a world that is
well again it takes the next good version.

Versions are announced, taken back, given up; the power goes, the disk is full, the clock jumps, the
world is away, hands are in the folder. `nox -s proof` lives thousands of such lives.
"""

from __future__ import annotations

import copy
import errno
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from reagent import log
from reagent.errors import Refused
from reagent.updates.back import roll_back
from reagent.updates.ledger import Ledger
from reagent.updates.mending import mend
from reagent.updates.seat import Role, Seat
from reagent.updates.staging import Staging
from reagent.updates.vocabulary import ACTIVE, LATEST, PREVIOUS
from tests.fakes.files import FakeFiles, PowerCut
from tests.proof import parts
from tests.proof.record import Record
from tests.unit.updates import life, powercuts
from tests.unit.updates.life import FOLDER, Device

# In one step, and of disks behind each of them: every one of them is started from.
MOST_CUTS = 8
MOST_DISKS = 16
# What was cut, and how often.
CUTS: Counter[str] = Counter()
# Good ones are what links are moved for.
BEHAVIOURS = ("good", "good", "good", "exits", "mute", "silent", "noexec", "noroom")
# Seconds since 1970 that a clock without a battery, or with a bad one, says.
CLOCKS = {
    "1970": 0.0,
    "2099": 4_070_908_800.0,
    "now": 1_790_000_000.0,
    "yesterday": 1_789_913_600.0,
}
PATIENCE = 60


class History(RuleBasedStateMachine):
    """One device. A rule is what happens; then it is started and lives until nothing is due."""

    def __init__(self) -> None:
        super().__init__()
        log.configure(sinks=())
        self.device = life.flashed()
        self.number = 0
        self.full = False
        self.seat: Seat | None = None

    @initialize()
    def is_switched_on(self) -> None:
        self.live()

    # --- what happens

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def a_version_is_announced(self, behaviour: str) -> None:
        self.stage(behaviour)
        self.live()

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def a_version_is_announced_and_taken_back(self, behaviour: str) -> None:
        self.stage(behaviour)
        if self.seat is not None:
            with suppress(OSError):
                Staging(self.seat, "amd64").withdraw()
        self.live()

    @rule(behaviour=st.sampled_from(BEHAVIOURS), data=st.data())
    def the_power_goes_during_an_update(self, behaviour: str, data: st.DataObject) -> None:
        self.number += 1
        version = f"2.{self.number}.0"

        def update(device: Device) -> None:
            seat = device.settle(PATIENCE)
            if seat is not None:
                with suppress(OSError):
                    life.stage(device, seat, version, behaviour)
            device.settle(PATIENCE)

        self.interrupt(update, data)
        self.live()

    @rule(data=st.data())
    def the_power_goes_while_a_version_is_given_up(self, data: st.DataObject) -> None:
        def back(device: Device) -> None:
            seat = device.settle(PATIENCE)
            if seat is not None:
                with suppress(OSError, Refused):
                    roll_back(seat, "somebody ordered it")
            device.settle(PATIENCE)

        self.interrupt(back, data)
        self.live()

    @rule()
    def a_version_is_given_up(self) -> None:
        self.give_up()
        self.live()

    @rule(times=st.integers(1, 6))
    def it_crashes(self, times: int) -> None:
        machine = self.device.begin()
        for _ in range(times):
            self.device.launch(machine)
        self.live()

    @rule(operation=st.sampled_from(["full", "create", "write", "fsync", "rename"]))
    def the_disk_takes_nothing(self, operation: str) -> None:
        self.full = True
        if operation == "full":
            self.device.files.full = True
        else:
            self.device.files.fail(operation, errno.EROFS)
        self.live()

    @rule()
    def the_disk_is_well_again(self) -> None:
        self.heal()
        self.live()

    @rule(clock=st.sampled_from(sorted(CLOCKS)))
    def the_clock_jumps(self, clock: str) -> None:
        self.device.clock = CLOCKS[clock] - 10_000.0
        self.live()

    @rule(world=st.sampled_from(["well", "away"]))
    def the_world_comes_and_goes(self, world: str) -> None:
        self.device.world = world
        self.live()

    @rule(name=st.sampled_from([ACTIVE, PREVIOUS, LATEST]))
    def a_link_is_lost_and_mended(self, name: str) -> None:
        if self.full:
            return
        with suppress(OSError):
            self.device.files.unlink(f"{FOLDER}/{name}")
        with suppress(Refused):
            mend(
                self.device.files,
                FOLDER,
                Ledger(self.device.files, FOLDER).state,
                1_900_000_000.0,
            )
        self.live()

    # --- what holds

    @invariant()
    def what_is_started_was_proven_here(self) -> None:
        powercuts.sound(self.device, "now") if not self.full else self.device.content_of(ACTIVE)

    def teardown(self) -> None:
        """In the end all is well, and it takes a good version."""
        self.heal()
        self.device.world = "well"
        self.live()
        content = self.stage("good")
        for _ in range(4):
            self.live()
        if self.device.content_of(ACTIVE) != content:
            raise AssertionError(f"not taken: {Ledger(self.device.files, FOLDER).state}")

    # --- inside

    def live(self) -> None:
        """Power on, and on until nothing is due; `Device.launch` fails on what is unproven."""
        self.seat = self.device.settle(PATIENCE)

    def stage(self, behaviour: str) -> bytes:
        self.number += 1
        seat = self.seat
        if seat is None or seat.role is not Role.PROVEN:
            raise AssertionError(f"no agent that stages: {seat}")
        version = f"2.{self.number}.0"
        with suppress(OSError):
            life.stage(self.device, seat, version, behaviour)
        return life.body(version, behaviour)

    def give_up(self) -> None:
        if self.seat is not None:
            with suppress(OSError, Refused):
                roll_back(self.seat, "somebody ordered it")

    def heal(self) -> None:
        self.full = False
        self.device.files.full = False
        self.device.files.fails.clear()

    def interrupt(self, act: Callable[[Device], None], data: st.DataObject) -> None:
        """Cut it at operations of many kinds, and live on behind one of these cuts.

        Rare kinds are as likely as others. What any of the disks makes of itself is looked at.
        """
        rehearsed = self.twin()
        before = len(rehearsed.files.log)
        act(rehearsed)
        places: dict[str, list[int]] = {}
        for at, (last, line) in enumerate(itertools.pairwise(["", *rehearsed.files.log[before:]])):
            places.setdefault(f"{kind_of(line)} after {kind_of(last)}", []).append(at)
        if not places:
            return
        dice = random.Random(data.draw(st.integers(0, 1 << 32), label="what is cut, what is kept"))
        kinds = dice.sample(sorted(places), min(MOST_CUTS, len(places)))
        then = data.draw(st.sampled_from(kinds), label="behind which it lives on")
        for kind in kinds:
            at = dice.choice(places[kind])
            device = self.twin()
            device.files.cut_at(at)
            with suppress(PowerCut):
                act(device)
            CUTS[kind] += 1
            found = [self.with_disk(device, disk) for disk in self.disks(device, dice)]
            chosen = copy.deepcopy(dice.choice(found))
            for each in found:
                self.looked_at(each, f"{kind} at {at}")
            if kind == then:
                self.device = chosen

    def disks(self, device: Device, dice: random.Random) -> Iterable[FakeFiles]:
        return device.files.some_worlds(MOST_DISKS, dice)

    def twin(self) -> Device:
        """The same device once more, nothing of which is synced that was not."""
        return copy.deepcopy(replace(self.device, machine=None))

    def with_disk(self, device: Device, disk: FakeFiles) -> Device:
        """It comes up with that one, which is as full and as broken as before."""
        again = powercuts.found_again(device, disk)
        again.files.full, again.files.fails = device.files.full, dict(device.files.fails)
        return again

    def looked_at(self, device: Device, where: str) -> None:
        """It lives, and is sound where its disk lets it be."""
        device.settle(PATIENCE)
        if not self.full:
            powercuts.sound(device, where)


def kind_of(operation: str) -> str:
    """What is done, and to which name."""
    return f"{operation.partition(' ')[0]} {operation.rpartition('/')[2]}"


LIVES = settings(
    max_examples=200 if parts.ALL else 50,
    stateful_step_count=30 if parts.ALL else 12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(3600 if parts.ALL else 600)
def test_in_any_order_of_events_what_runs_was_proven_and_the_next_good_version_is_taken() -> None:
    CUTS.clear()

    run_state_machine_as_test(History, settings=LIVES)

    assert CUTS.total() > LIVES.max_examples
    if parts.ALL:
        record = Record.of(parts.HISTORIES)
        record.say(lives=LIVES.max_examples, steps=LIVES.stateful_step_count, cuts=CUTS.total())
