"""updates.windows.launch: one version below the service manager, and what follows its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from reagent.updates.links import Links
from reagent.updates.parent import Heard
from reagent.updates.windows.launch import (
    CRASHED,
    HAND_OVER,
    STOPPED,
    Launch,
    choices,
    supervise,
)


@dataclass
class Version:
    """A child that says what was laid down."""

    heard: list[Heard]
    told: list[str] = field(default_factory=list)

    def hear(self, within: float) -> Heard:
        assert 0 < within <= 1.0
        return self.heard.pop(0)

    def end(self, within: float) -> None:
        self.told.append(f"end within {within:g}")

    def kill(self) -> None:
        self.told.append("kill")


@dataclass
class Service:
    """What the launcher does, with a clock that goes a minute with each look."""

    versions: dict[str, list[Version]]
    chosen: tuple[str, ...] = ("reagent.exe",)
    started: list[str] = field(default_factory=list)
    healthy: int = 0
    now: float = 0.0
    waits: Callable[[float], bool] = lambda _: False

    def start(self, file: str) -> Version:
        self.started.append(file)
        if not self.versions.get(file):
            raise FileNotFoundError(2, "it is not there", file)
        return self.versions[file].pop(0)

    def monotonic(self) -> float:
        self.now += 60.0
        return self.now

    def well(self) -> None:
        self.healthy += 1

    def run(self) -> int:
        return supervise(
            Launch(
                choose=lambda: self.chosen, start=self.start, healthy=self.well,
                monotonic=self.monotonic, wait=self.waits,
            )
        )  # fmt: skip


def ends(status: int) -> Version:
    return Version([Heard(status=status)])


@pytest.mark.parametrize(
    ("known", "files"),
    [
        (Links(), ("reagent.exe",)),
        (Links(active="b.exe"), ("b.exe", "reagent.exe")),
        (Links(active="b.exe", previous="a.exe"), ("b.exe", "a.exe", "reagent.exe")),
        (Links(previous="a.exe"), ("a.exe", "reagent.exe")),
        (Links(active="b.exe", previous="reagent.exe"), ("b.exe", "reagent.exe")),
        (Links(active="reagent.exe", previous="reagent.exe"), ("reagent.exe",)),
    ],
)
def test_the_active_one_runs_before_the_one_before_before_our_own(
    known: Links, files: tuple[str, ...]
) -> None:
    assert choices(known) == files


def test_a_stop_is_passed_on_and_waited_for() -> None:
    version = Version([Heard(), Heard(stop=True)])
    service = Service({"reagent.exe": [version]})

    assert service.run() == STOPPED
    assert version.told == ["end within 15", "kill"]


@pytest.mark.parametrize("status", [0, 1, 75, -9])
def test_an_end_that_nobody_ordered_is_a_crash(status: int) -> None:
    assert Service({"reagent.exe": [ends(status)]}).run() == CRASHED


def test_one_that_hands_over_is_followed_by_what_is_active_then() -> None:
    service = Service({"reagent.exe": [ends(HAND_OVER)], "b.exe": [ends(1)]})

    def commit(_seconds: float) -> bool:
        service.chosen = ("b.exe", "reagent.exe")
        return False

    service.waits = commit
    service.run()

    assert service.started == ["reagent.exe", "b.exe"]


def test_a_stop_between_two_versions_is_a_stop() -> None:
    service = Service({"reagent.exe": [ends(HAND_OVER)]}, waits=lambda _: True)

    assert service.run() == STOPPED
    assert service.started == ["reagent.exe"]


def test_where_one_cannot_be_started_the_next_one_is() -> None:
    service = Service({"a.exe": [ends(1)]}, chosen=("b.exe", "a.exe", "reagent.exe"))

    service.run()

    assert service.started == ["b.exe", "a.exe"]


def test_where_none_can_be_started_the_service_crashes() -> None:
    service = Service({}, chosen=("b.exe", "reagent.exe"))

    assert service.run() == CRASHED
    assert service.started == ["b.exe", "reagent.exe"]


def test_two_minutes_are_told_once() -> None:
    early = Service({"reagent.exe": [Version([Heard(), Heard(status=1)])]})
    late = Service({"reagent.exe": [Version([*[Heard()] * 5, Heard(status=1)])]})

    early.run()
    late.run()

    assert (early.healthy, late.healthy) == (0, 1)
