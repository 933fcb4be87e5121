"""The power goes at every operation of every sequence, and the disk keeps anything it may keep.

After any cut, the next start runs a version that was proven on this device, or is its trial under
such a parent: `life.Device.launch` fails where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from reagent.updates import commit, judge
from reagent.updates.ledger import Ledger
from reagent.updates.staging import Staging
from reagent.updates.vocabulary import ACTIVE
from tests.fakes.files import PowerCut
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER, Device

Story = Callable[[Device], None]


def take(version: str, behaviour: str) -> Story:
    """Download, stage, schedule, and whatever follows from it."""

    def story(device: Device) -> None:
        seat = device.settle()
        assert seat is not None
        life.stage(device, seat, version, behaviour)
        device.settle()

    return story


def take_two(device: Device) -> None:
    take("1.5.0", "good")(device)
    take("1.6.0", "good")(device)


def tidy(device: Device) -> None:
    take_two(device)
    own = device.links.active
    commit.tidy(device.files, FOLDER, Ledger(device.files, FOLDER), own=own)


def crash_back(device: Device) -> None:
    """A committed version that crashes five times in its first day."""
    take("1.5.0", "good")(device)
    machine = device.begin()
    for _ in range(6):
        device.launch(machine)
    device.settle()


def arrive(device: Device) -> None:
    device.settle()


STORIES: dict[str, tuple[Callable[[], Device], Story]] = {
    "a good version is taken": (life.flashed, take("1.5.0", "good")),
    "a version that exits is blocked": (life.flashed, take("1.5.0", "exits")),
    "a version that never joins is blocked": (life.flashed, take("1.5.0", "mute")),
    "a version that hangs is blocked": (life.flashed, take("1.5.0", "silent")),
    "a file that cannot be executed is blocked": (life.flashed, take("1.5.0", "noexec")),
    "a file that nobody has the memory for": (life.flashed, take("1.5.0", "noroom")),
    "two versions, one after the other": (life.flashed, take_two),
    "old versions are tidied away": (life.flashed, tidy),
    "a committed version that crashes": (life.flashed, crash_back),
    "let in by the reference, and good": (life.arrived, arrive),
    "let in by the reference, and broken": (lambda: life.arrived("exits arriving"), arrive),
    "let in by the reference, and mute": (lambda: life.arrived("mute arriving"), arrive),
}


def operations(make: Callable[[], Device], story: Story) -> int:
    device = make()
    story(device)
    return device.files.done


def cut(make: Callable[[], Device], story: Story, at: int) -> list[Device]:
    """Every device that may be found after the power went at this operation."""
    device = make()
    device.files.cut_at(at)
    try:
        story(device)
    except PowerCut:
        pass
    else:
        raise AssertionError("the power did not go")
    return [
        replace(device, files=files, proven=set(device.proven), machine=None)
        for files in device.files.worlds()
    ]


@pytest.mark.parametrize("name", STORIES)
def test_after_any_cut_a_proven_version_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, story = STORIES[name]
    points = disks = 0

    for at in range(operations(make, story)):
        points += 1
        for device in cut(make, story, at):
            disks += 1
            device.content_of(ACTIVE)
            device.settle()
            known = device.links
            assert known.active, f"cut at {at}"
            if device.content_of(ACTIVE) != b"go agent":
                assert known.latest == known.active, f"cut at {at}"
                assert known.previous, f"cut at {at}"

    with capsys.disabled():
        print(f"\n{name}: {points} crash points, {disks} disks", end="")
    assert disks >= points > 0


@pytest.mark.parametrize("behaviour", ["good", "exits"])
def test_the_power_may_go_again_while_the_next_start_recovers(
    behaviour: str, capsys: pytest.CaptureFixture[str]
) -> None:
    story = take("1.5.0", behaviour)
    seen: set[object] = set()
    points = disks = 0

    for at in range(operations(life.flashed, story)):
        for device in only_new(cut(life.flashed, story, at), seen):
            make = partial(clone, device)
            for second in range(operations(make, arrive)):
                points += 1
                for found in only_new(cut(make, arrive, second), seen):
                    disks += 1
                    found.settle()
                    assert found.links.latest == found.links.active, (at, second)

    with capsys.disabled():
        print(f"\ncut twice, {behaviour}: {points} crash points, {disks} different disks", end="")
    assert disks > 0


def only_new(devices: list[Device], seen: set[object]) -> Iterator[Device]:
    """Those whose disks nobody has seen yet."""
    for device in devices:
        disk = device.files.fingerprint()
        if disk not in seen:
            seen.add(disk)
            yield device


def clone(device: Device) -> Device:
    (files,) = device.files.worlds()
    return replace(device, files=files, proven=set(device.proven), machine=None)


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_a_good_version_is_taken_in_the_end_whenever_the_power_went(at: int) -> None:
    story = take("1.5.0", "good")
    if at >= operations(life.flashed, story):
        return

    for device in cut(life.flashed, story, at):
        seat = device.settle()
        assert seat is not None
        content = life.stage(device, seat, "1.5.0", "good")
        device.settle()

        assert device.content_of(ACTIVE) == content
        assert Ledger(device.files, FOLDER).state.block_of(judge_digest(content)) is None


def judge_digest(content: bytes) -> str:
    return life.trial_of("1.5.0", content).sha256


def test_ten_reboots_defer_a_trial_and_block_nothing() -> None:
    device = life.flashed()
    seat = device.settle()
    assert seat is not None
    content = life.stage(device, seat, "1.5.0", "mute")

    for _ in range(judge.MOST_REBOOTS):
        ledger = Ledger(device.files, FOLDER)
        ledger.change(lambda state: judge.opened(state, f"boot-{device.boots}"))
        device.launch(device.begin())

    state = Ledger(device.files, FOLDER).state
    assert state.trial is not None
    assert state.trial.due_in(10_000.0) == 86_400.0
    assert state.block_of(judge_digest(content)) is None


def test_a_version_that_was_given_up_does_not_become_previous() -> None:
    device = life.flashed()
    device.files.file(f"{FOLDER}/reagent-v1.3.0", life.body("1.3.0", "mute"))
    device.files.link(f"{FOLDER}/Reagent-previous", f"{FOLDER}/reagent-v1.3.0")
    seat = device.settle()
    assert seat is not None
    assert Staging(seat, "amd64").roll_back("ordered")
    newer = life.stage(device, seat, "1.5.0", "good")

    device.settle()

    assert device.content_of(ACTIVE) == newer
    assert device.links.previous == "reagent-v1.5.0"
