"""commands.update: what a person sees where no agent runs, or an order is given up."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reagent import launcher, log
from reagent.adapters import ordering
from reagent.commands.update import update


def test_ctrl_c_ends_a_command_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ordering, "order", interrupted)

    status = update(["check", f"-agentDir={tmp_path}"])

    assert status == 1
    assert capfd.readouterr().err.count("\n") == 1


OURS = '#!/bin/sh\n[ "$1" = launch-check ] && exec echo "ready 1.3.7"\nexit 9\n'
# The reference: a word that it does not know is no flag, and without -config it ends.
GO = "#!/bin/sh\necho 'no config' >&2\nexit 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An agent folder in which nobody runs."""
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("REAGENT_RUN_DIR", str(run))
    place = tmp_path / "agent"
    (place / "downloads").mkdir(parents=True)
    yield place
    log.reset()


def active(folder: Path, name: str, script: str, previous: str | None = None) -> None:
    """Have that file run there."""
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)
    (folder / "Reagent-active").symlink_to(folder / name)
    (folder / "Reagent-previous").symlink_to(folder / (previous or name))
    (folder / "Reagent-latest").symlink_to(folder / name)


def told(folder: Path, *words: str) -> int:
    return update([*words, f"-agentDir={folder}"])


def test_the_version_that_would_try_something_says_itself_which_it_is(folder: Path) -> None:
    active(folder, "reagent-latest", OURS)

    seat = launcher.seat_for_orders(str(folder))

    assert (seat.own, launcher.version_by_its_word(seat)) == ("reagent-latest", "1.3.7")


@pytest.mark.parametrize("words", [("apply", "/media/stick/reagent"), ("rollback",)])
def test_an_agent_that_knows_no_trials_is_given_no_orders(
    folder: Path, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "reagent-v1.0.0").write_text(OURS)
    active(folder, "reagent-v0.20.20", GO, previous="reagent-v1.0.0")

    status = told(folder, *words)

    said = capfd.readouterr().err
    assert (status, said.count("\n")) == (1, 1)
    assert "Reagent-active names reagent-v0.20.20, which knows nothing of trials" in said
    assert not (folder / "updates.json").exists()


@pytest.mark.parametrize(
    ("links", "why"),
    [
        ((), "Reagent-active names nothing (reagent update repair mends it)"),
        (("active",), "Reagent-previous names nothing, so there is no way back"),
        (("active", "previous"), "there is no version before 1.3.7 here to go back to"),
    ],
)
def test_without_a_way_back_one_line_says_what_is_missing(
    folder: Path, links: tuple[str, ...], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    active(folder, "reagent-v1.3.7", OURS)
    for name in {"active", "previous"} - set(links):
        (folder / f"Reagent-{name}").unlink()

    status = told(folder, "rollback")

    said = capfd.readouterr().err
    assert (status, said.count("\n")) == (1, 1)
    assert why in said


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Somebody holds the lock of the device."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("script", "why"), [(GO, "which knows nothing of trials"), (OURS, "a version is on trial")]
)
def test_who_holds_the_device_and_takes_no_commands_is_told_apart(
    folder: Path, script: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    active(folder, "reagent-v1.3.7", script)

    with held(folder.parent / "run"):
        status = told(folder, "repair")

    said = capfd.readouterr().err
    assert (status, said.count("\n")) == (1, 1)
    assert why in said
