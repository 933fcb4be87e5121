"""reagent_build.board: several targets at once, on a terminal and elsewhere."""

import io
import re
import sys

import pytest

from reagent_build.board import RichBoard, board


def test_elsewhere_than_on_a_terminal_each_line_names_its_target(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with board() as shown, shown.line("linux/amd64") as one, shown.line("linux/arm/5") as other:
        one.step("compile and link")
        other.say("first\nsecond")

    lines = [
        re.sub(r"^\[ *\d+\.\d s\] ", "", each) for each in capsys.readouterr().out.splitlines()
    ]
    assert lines == [
        "linux/amd64: compile and link",
        "linux/arm/5: first",
        "linux/arm/5: second",
    ]


def test_on_a_terminal_each_target_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")

    with RichBoard() as shown, shown.line("linux/amd64") as one, shown.line("linux/arm/5") as other:
        one.step("compile and link")
        other.step("check the executable")
        one.say("[what] stays")

    drawn = terminal.getvalue()
    assert "━" in drawn
    assert "compile and link" in drawn
    assert "check the executable" in drawn
    assert "linux/amd64: [what] stays" in drawn
