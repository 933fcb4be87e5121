"""reagent_build.progress: one step after the other, on a terminal."""

import io
import re
import sys

import pytest

from reagent_build.progress import RichProgress


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    pytest.importorskip("rich")
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    return written


def without_colours(drawn: str) -> str:
    """What is read; whether there are colours is the console's own affair."""
    return re.sub(r"\x1b\[[\d;]*m", "", drawn)


def test_a_transfer_has_a_bar_that_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)

    with RichProgress() as progress, progress.transfer("upload reagent", 2_000_000) as moved:
        moved(500_000)
        moved(1_000_000)

    drawn = without_colours(terminal.getvalue())
    assert "━" in drawn
    assert "1.5 of 2.0 MB" in drawn


def test_a_step_that_is_done_leaves_a_line_with_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)

    with RichProgress() as progress:
        progress.step("read back [linux/amd64]")
        progress.say("what is said [stays]")
        progress.step("write version.txt")

    lines = without_colours(terminal.getvalue())
    assert "✓ read back [linux/amd64] " in lines
    assert "what is said [stays]" in lines
    assert "✓ write version.txt " in lines


def fail_at_the_second_step() -> None:
    with RichProgress() as progress:
        progress.step("read back")
        progress.step("write version.txt")
        raise ZeroDivisionError


def test_the_step_that_failed_has_a_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)

    with pytest.raises(ZeroDivisionError):
        fail_at_the_second_step()

    lines = without_colours(terminal.getvalue())
    assert "✓ read back" in lines
    assert "✗ write version.txt" in lines
