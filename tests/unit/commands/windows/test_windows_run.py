"""commands.windows.run: the service's work, with versions that are scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reagent import log
from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.commands.windows import run
from reagent.settings import stamp
from reagent.settings.flags import Flags
from reagent.updates.links import set_link
from reagent.updates.parent import Heard
from reagent.updates.vocabulary import ACTIVE
from reagent.updates.windows.launch import CRASHED, HAND_OVER, STOPPED


@dataclass
class Stop:
    """No stop was ordered."""

    stop: bool = False


@dataclass
class Versions:
    """Starts nothing, remembers what; each of them ends as it was laid down."""

    folder: Path
    ends: list[Heard]
    started: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def begin(self, folder: str, file: str, words: Sequence[str], _stop: object) -> Versions:
        self.started.append((folder, file, tuple(words)))
        return self

    def hear(self, _within: float) -> Heard:
        return self.ends.pop(0)

    def end(self, _within: float) -> None:
        return

    def kill(self) -> None:
        return

    def run(self) -> int:
        flags = Flags(agent_dir=str(self.folder))
        return run.serve(flags, ["-config", "d"], Stop(), self.begin)

    def logged(self) -> list[str]:
        lines = (self.folder / run.LOG).read_text().splitlines()
        return [json.loads(line)["message"] for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name in ("reagent.exe", "reagent-prev.exe", "reagent-v2.0.0.exe"):
        (tmp_path / name).write_bytes(name.encode())
    yield tmp_path
    log.reset()


def mark(folder: Path, attempts: int) -> Path:
    marker = folder / "update-state.json"
    marked = {"phase": "probation", "new_version": stamp.VERSION, "old_version": "0.20.20"}
    marker.write_text(json.dumps(marked | {"attempts": attempts}))
    return marker


def test_what_is_active_runs_with_the_words_of_the_service(folder: Path) -> None:
    set_link(WindowsFiles(), str(folder), ACTIVE, "reagent-v2.0.0.exe")
    versions = Versions(folder, [Heard(stop=True)])

    assert versions.run() == STOPPED
    assert versions.started == [(str(folder), "reagent-v2.0.0.exe", ("-config", "d"))]
    assert versions.logged() == ["the service starts", "the agent is started", "the service ends"]


def test_what_hands_over_is_followed_by_what_is_active(folder: Path) -> None:
    versions = Versions(folder, [Heard(status=HAND_OVER), Heard(status=3)])

    assert versions.run() == CRASHED
    assert [file for _, file, _ in versions.started] == ["reagent.exe", "reagent.exe"]
    assert "the agent ended by itself" in versions.logged()


def test_a_start_on_probation_is_counted_and_the_fourth_runs_nothing(folder: Path) -> None:
    marker = mark(folder, 2)
    third = Versions(folder, [Heard(status=1)])
    fourth = Versions(folder, [])

    assert third.run() == CRASHED
    assert json.loads(marker.read_bytes())["attempts"] == 3
    assert fourth.run() == CRASHED
    assert fourth.started == []
    assert json.loads(marker.read_bytes())["phase"] == "rolledback"
    assert (folder / "reagent.exe").read_bytes() == b"reagent-prev.exe"
