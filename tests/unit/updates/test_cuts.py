"""The power goes at every operation of every sequence, and the disk keeps anything it may keep.

After any cut, the next start runs a version that was proven on this device, or is its trial under
such a parent: `life.Device.launch` fails where it does not. What is done stands in `stories.py`,
how it is explored in `powercuts.py`, and what was found in docs/proof.md.
"""

from __future__ import annotations

import pytest

from reagent.updates import judge
from reagent.updates.back import roll_back
from reagent.updates.ledger import Ledger
from reagent.updates.vocabulary import ACTIVE
from tests.proof import parts
from tests.proof.record import Record
from tests.unit.updates import life, powercuts
from tests.unit.updates.life import FOLDER
from tests.unit.updates.stories import NEW, STORIES, take

# `nox -s proof` cuts twice in every story; these two are the ones that matter most.
TWICE = (
    list(STORIES)
    if parts.ALL
    else ["a version that exits is blocked", "a committed version that somebody gives up"]
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STORIES)
def test_after_any_cut_a_proven_version_runs_and_the_page_says_so(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = powercuts.explore(STORIES[name])

    with capsys.disabled():
        print(f"\n{name}: {seen.points} crash points, {seen.disks} disks", end="")
    assert seen.disks >= seen.points > 0
    row = powercuts.row_of(name, powercuts.table({name: seen}))
    assert row == powercuts.row_of(name, powercuts.written()), (
        "docs/proof.md says something else: python -m tests.unit.updates.powercuts"
    )


def test_the_page_adds_up() -> None:
    rows = [row.split("|") for row in powercuts.written().splitlines()[2:]]
    numbers = [[int(cell.strip(" *").replace(",", "")) for cell in row[3:5]] for row in rows]

    assert [row[2].strip() for row in rows[:-1]] == list(STORIES)
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TWICE)
def test_the_power_may_go_again_while_the_next_start_recovers(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = powercuts.explore_twice(STORIES[name], set())

    with capsys.disabled():
        print(f"\ncut twice, {name}: {seen.points} points, {seen.disks} different disks", end="")
    if parts.ALL:
        Record.of(parts.TWICE).say(**{name: [seen.points, seen.disks]})
    assert seen.points > 0


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_a_good_version_is_taken_in_the_end_whenever_the_power_went(at: int) -> None:
    story = take(NEW, "good")
    if at >= powercuts.operations(life.flashed, story):
        return

    for device in powercuts.cut(life.flashed, story, at):
        seat = device.settle()
        assert seat is not None
        content = life.stage(device, seat, NEW, "good")
        device.settle()

        assert device.content_of(ACTIVE) == content
        assert Ledger(device.files, FOLDER).state.block_of(judge_digest(content)) is None


def judge_digest(content: bytes) -> str:
    return life.trial_of(NEW, content).sha256


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
    roll_back(seat, "ordered")
    newer = life.stage(device, seat, "1.5.0", "good")

    device.settle()

    assert device.content_of(ACTIVE) == newer
    assert device.links.previous == "reagent-v1.5.0"
