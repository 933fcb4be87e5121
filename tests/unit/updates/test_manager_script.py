"""The field's manager script looks at the folder after every single operation of ours."""

from __future__ import annotations

import pytest

from reagent.updates.vocabulary import ACTIVE
from tests.unit.updates import life
from tests.unit.updates.life import Device
from tests.unit.updates.manager_script import ManagerScript


@pytest.fixture(params=[True, False], ids=["until 2025", "since 2025"])
def until_2025(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def watched(device: Device, script: ManagerScript, *, may_be_down: bool = True) -> None:
    """Have the script look after each operation, whether the agent runs just then or not."""

    def look() -> None:
        assert script.dangling() == []
        script.cycle(running=True)
        if may_be_down:
            script.cycle(running=False)
        assert script.dangling() == []

    device.files.after_each = look


def meddled(script: ManagerScript) -> list[str]:
    """What it did of its own; starting what does not run is what it is there for."""
    return [each for each in script.did if each != "starts"]


def test_twenty_updates_and_rollbacks_leave_it_nothing_to_do(*, until_2025: bool) -> None:
    device = life.flashed()
    script = ManagerScript(device.files, until_2025=until_2025)
    watched(device, script)

    for number in range(20):
        behaviour = ("good", "exits", "mute", "noexec")[number % 4]
        before = device.content_of(ACTIVE)
        seat = device.settle()
        assert seat is not None
        new = life.stage(device, seat, f"1.5.{number}", behaviour)
        device.settle()
        assert device.content_of(ACTIVE) == (new if behaviour == "good" else before)

    assert meddled(script) == []


def test_a_version_that_crashes_goes_back_without_it(*, until_2025: bool) -> None:
    device = life.flashed()
    script = ManagerScript(device.files, until_2025=until_2025)
    watched(device, script)
    before = device.content_of(ACTIVE)
    seat = device.settle()
    assert seat is not None
    life.stage(device, seat, "1.5.0", "good")
    device.settle()

    machine = device.begin()
    for _ in range(7):
        device.launch(machine)
    device.settle()

    assert device.content_of(ACTIVE) == before
    assert meddled(script) == []


@pytest.mark.parametrize("behaviour", ["good arriving", "exits arriving", "mute arriving"])
def test_let_in_by_it_we_stay_or_go_without_its_help(behaviour: str, *, until_2025: bool) -> None:
    device = life.arrived(behaviour)
    # It counts from the activation that let us in, and would roll back were we not running.
    script = ManagerScript(device.files, until_2025=until_2025, counter=0)
    watched(device, script, may_be_down=False)

    device.settle()

    assert meddled(script) == []
    if behaviour.startswith("good"):
        assert device.content_of(ACTIVE) != b"go agent"
    else:
        assert device.content_of(ACTIVE) == b"go agent"
        assert device.links.latest == device.links.previous != device.links.active


def test_the_reference_is_left_alone_once_it_is_back(*, until_2025: bool) -> None:
    device = life.arrived("exits arriving")
    device.settle()
    script = ManagerScript(device.files, until_2025=until_2025, counter=0)

    for running in (True, False) * 10:
        script.cycle(running=running)

    assert meddled(script) == []
    assert device.content_of(ACTIVE) == b"go agent"
