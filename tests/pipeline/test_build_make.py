"""reagent_build.make and .made: one target and all of them, with freezers that write a few bytes."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from reagent_build import children
from reagent_build.checksum import sha256, sidecar
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.freezers import Workshop
from reagent_build.made import tree
from reagent_build.make import Outcome, Shop, make_all
from reagent_build.plan import Plan
from reagent_build.progress import Progress
from reagent_build.sbom_facts import Facts
from reagent_build.targets import Target

Freeze = Callable[[Plan, Workshop, Path], None]


class Heard:
    """A board that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    @contextmanager
    def line(self, name: str) -> Iterator[Progress]:
        yield _Line(self, name)


class _Line:
    def __init__(self, heard: Heard, name: str) -> None:
        self._heard, self._name = heard, name

    def step(self, text: str) -> None:
        self._heard.lines.append((self._name, text))

    say = step


class Factory:
    """A repository, and a freezer for it that tests exchange."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder
        self.out = folder / "build/out"
        self.frozen: list[str] = []
        self.image = "image"
        self.does: Freeze = lambda plan, _, partial: self._write(plan, partial)
        (folder / "src/reagent").mkdir(parents=True)
        (folder / "build").mkdir()
        (folder / "src/reagent/agent.py").write_text("1")

    def freeze(self, plan: Plan, workshop: Workshop, partial: Path) -> None:
        self.does(plan, workshop, partial)

    def _write(self, plan: Plan, partial: Path) -> None:
        self.frozen.append(str(plan.target))
        partial.write_text(f"executable for {plan.target}")
        Facts().leave(partial)

    def plan(self, name: str) -> Plan:
        target = Target.parse(name)
        return Plan(
            target=target,
            freezer="static",
            reason="",
            version="1.0.0",
            commit="0" * 40,
            output=self.out / target.file_name,
            runner=None,
        )

    def make(self, *names: str, anew: bool = False, board: Heard | None = None) -> list[Outcome]:
        shop = Shop(
            repository=self.repository,
            cache=self.repository / ".cache",
            docker=Docker(None),
            tree=tree(self.repository),
            anew=anew,
        )
        return list(make_all(list(map(self.plan, names)), shop, board or Heard(), 2))

    def left(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    made = Factory(tmp_path)
    module = ModuleType("reagent_build.freezers.static")
    module.__dict__["freeze"] = made.freeze
    module.__dict__["image"] = lambda *_: made.image
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


def whole(name: str) -> list[str]:
    """An executable and what lies beside it."""
    return [f"{name}{suffix}" for suffix in ("", ".cdx.json", ".notices.txt", ".sha256")]


def test_every_target_gets_its_file_and_its_checksum(factory: Factory) -> None:
    outcomes = factory.make("linux/amd64", "linux/arm/5")

    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert factory.left() == [*whole("reagent-linux-amd64"), *whole("reagent-linux-armv5")]
    output = factory.out / "reagent-linux-armv5"
    assert sidecar(output).read_text() == sha256(output) + "\n"


def test_one_that_fails_stops_no_other_and_leaves_nothing(factory: Factory) -> None:
    def fail(plan: Plan, workshop: Workshop, partial: Path) -> None:
        partial.write_text("half")
        Facts().leave(partial)
        if plan.target.arch == "arm64":
            raise BuildError("no such header")

    factory.does = fail
    board = Heard()

    outcomes = factory.make("linux/arm64", "linux/amd64", board=board)

    assert [(str(each.plan.target), each.ok) for each in outcomes] == [
        ("linux/arm64", False),
        ("linux/amd64", True),
    ]
    assert factory.left() == whole("reagent-linux-amd64")
    assert ("linux/arm64", "failed: no such header") in board.lines


def test_a_program_that_never_ends_fails_its_own_target_alone(factory: Factory) -> None:
    well = factory.does

    def hang(plan: Plan, workshop: Workshop, partial: Path) -> None:
        if plan.target.arch == "arm":
            raise subprocess.TimeoutExpired(("qemu-arm-static", "reagent", "-version"), 120)
        well(plan, workshop, partial)

    factory.does = hang

    outcomes = factory.make("linux/arm/5", "linux/amd64")

    assert [outcome.ok for outcome in outcomes] == [False, True]
    assert "timed out after 120 seconds" in outcomes[0].said


def test_a_full_disk_is_one_line_that_names_the_place_and_what_was_there_stays(
    factory: Factory,
) -> None:
    factory.make("linux/amd64")
    before = (factory.out / "reagent-linux-amd64").read_bytes()

    def full(plan: Plan, workshop: Workshop, partial: Path) -> None:
        partial.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(partial))

    factory.does = full
    (outcome,) = factory.make("linux/amd64", anew=True)

    assert not outcome.ok
    assert outcome.said.startswith(f"No space left on device: {factory.out}")
    assert "\n" not in outcome.said
    assert (factory.out / "reagent-linux-amd64").read_bytes() == before
    assert factory.left() == whole("reagent-linux-amd64")


def test_what_has_not_changed_is_not_made_again(factory: Factory) -> None:
    factory.make("linux/amd64")

    (outcome,) = factory.make("linux/amd64")

    assert factory.frozen == ["linux/amd64"]
    assert outcome.said.endswith("unchanged")


@pytest.mark.parametrize(
    "change",
    [
        lambda made: (made.repository / "src/reagent/agent.py").write_text("2"),
        lambda made: (made.repository / "build/reagent.spec").write_text("new"),
        lambda made: (made.out / "reagent-linux-amd64").write_text("changed by hand"),
        lambda made: (made.out / "reagent-linux-amd64.sha256").unlink(),
        lambda made: setattr(made, "image", "another"),
    ],
    ids=["the application", "the build", "the executable", "its checksum", "the image"],
)
def test_what_has_changed_is_made_again(
    factory: Factory, change: Callable[[Factory], object]
) -> None:
    factory.make("linux/amd64")
    change(factory)

    factory.make("linux/amd64")

    assert factory.frozen == ["linux/amd64", "linux/amd64"]


def test_what_no_executable_is_made_from_makes_none_again(factory: Factory) -> None:
    factory.make("linux/amd64")
    (factory.repository / "build/README.md").write_text("new")
    (factory.repository / "src/reagent/__pycache__").mkdir()
    (factory.repository / "src/reagent/__pycache__/agent.pyc").write_text("new")

    factory.make("linux/amd64")

    assert factory.frozen == ["linux/amd64"]


def test_what_was_made_is_made_again_on_demand(factory: Factory) -> None:
    factory.make("linux/amd64")

    factory.make("linux/amd64", anew=True)

    assert factory.frozen == ["linux/amd64", "linux/amd64"]


def test_what_a_killed_build_has_left_goes_and_what_a_running_one_has_stays(
    factory: Factory,
) -> None:
    factory.out.mkdir(parents=True)
    dead = children.run(("sh", "-c", "echo $$")).stdout.decode().strip()
    (factory.out / f".reagent-linux-amd64.{dead}").write_text("half")
    (factory.out / f".reagent-linux-amd64.{dead}.sha256").write_text("half")
    (factory.out / f".reagent-linux-amd64.{os.getppid()}").write_text("of another build")

    factory.make("linux/amd64")

    assert [name for name in factory.left() if name.startswith(".")] == [
        f".reagent-linux-amd64.{os.getppid()}"
    ]


def test_an_interrupt_leaves_nothing_and_begins_nothing_more(factory: Factory) -> None:
    def interrupted(plan: Plan, workshop: Workshop, partial: Path) -> None:
        factory.frozen.append(str(plan.target))
        partial.write_text("half")
        raise KeyboardInterrupt

    factory.does = interrupted

    with pytest.raises(KeyboardInterrupt):
        factory.make("linux/amd64")
    assert factory.left() == []
    with pytest.raises(children.StoppedError):
        children.run(("true",))
    children.begin()
