"""adapters.windows.seating: who was started by the service, and as what."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reagent.adapters.windows import seating
from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.updates.links import look, set_link
from reagent.updates.vocabulary import ACTIVE

FILES = WindowsFiles()
OWN = "reagent-v1.4.0.exe"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which this process is version 1.4.0; nobody listens to its input."""
    for name in ("reagent.exe", OWN, "reagent-v1.5.0.exe"):
        (tmp_path / name).write_bytes(b"MZ")
    monkeypatch.setattr(sys, "executable", str(tmp_path / OWN))
    monkeypatch.setattr(seating, "heed", lambda: None)
    monkeypatch.setenv("REAGENT_SERVICE", OWN)
    return tmp_path


def place(folder: Path) -> tuple[str, str]:
    there, own, why = seating.place(str(folder), FILES)
    assert there == str(folder)
    assert "REAGENT_SERVICE" not in os.environ  # nothing that is started from here sees it
    return own, why


def test_what_the_service_started_has_its_say(folder: Path) -> None:
    set_link(FILES, str(folder), ACTIVE, OWN)

    assert place(folder) == (OWN, "")


def test_before_the_first_commit_the_launcher_is_the_agent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "reagent.exe"))
    monkeypatch.setenv("REAGENT_SERVICE", "reagent.exe")

    assert place(folder) == ("reagent.exe", "")
    assert look(FILES, str(folder)).active == "reagent.exe"


def test_a_link_that_cannot_be_set_keeps_nobody_from_it(folder: Path) -> None:
    (folder / ACTIVE).mkdir()

    assert place(folder) == (OWN, "")
    assert look(FILES, str(folder)).active == ""


def test_in_a_console_updates_are_staged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REAGENT_SERVICE")

    assert place(folder) == ("", "this process was not started by the service")


@pytest.mark.parametrize("told", ["reagent.exe", "reagent-v9.exe", "../reagent-v1.5.0.exe"])
def test_who_is_another_file_than_was_said_has_no_say(
    folder: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("REAGENT_SERVICE", told)

    own, why = place(folder)

    assert (own, bool(why)) == ("", True)


def test_who_stands_in_for_the_active_version_has_no_say(folder: Path) -> None:
    set_link(FILES, str(folder), ACTIVE, "reagent-v1.5.0.exe")

    assert place(folder) == (
        "", "reagent-v1.5.0.exe is the active version, and it could not be started",
    )  # fmt: skip


def test_where_there_is_no_registry_the_boot_is_unknown() -> None:
    assert seating.boot_id() == "unknown"
