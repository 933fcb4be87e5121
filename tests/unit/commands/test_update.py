"""commands.update: what a person sees of an order that is given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from reagent.adapters.posix import control
from reagent.commands.update import update


def test_ctrl_c_ends_a_command_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(control, "order", interrupted)

    status = update(["check", f"-agentDir={tmp_path}"])

    assert status == 1
    assert capfd.readouterr().err.count("\n") == 1
