"""commands.unit: the service's text."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from reagent.commands import unit


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_it_starts_what_is_active_and_mends_it_before_through_what_was_before() -> None:
    service = parsed(unit.text(agent_dir="/opt/reagent", config="/opt/reagent/device.flock"))[
        "Service"
    ]

    assert service["ExecStart"] == "/opt/reagent/Reagent-active -config /opt/reagent/device.flock"
    assert service["ExecStartPre"] == (
        "-/opt/reagent/Reagent-previous update repair -agentDir=/opt/reagent"
    )


def test_it_is_started_again_for_ever_and_watched() -> None:
    text = parsed(unit.text(agent_dir="/opt/reagent", config="/c"))

    wanted = {
        "Type": "notify", "NotifyAccess": "all", "Restart": "always", "RestartSec": "5",
        "WatchdogSec": "300",
    }  # fmt: skip
    assert wanted.items() <= dict(text["Service"]).items()
    assert text["Unit"]["StartLimitIntervalSec"] == "0"


def test_paths_of_ones_own_become_flags_and_blanks_are_quoted() -> None:
    text = unit.text(agent_dir="/data/my agent", config="/data/my agent/d", apps_dir="/apps")

    assert parsed(text)["Service"]["ExecStart"] == (
        '"/data/my agent/Reagent-active" -config "/data/my agent/d" "-agentDir=/data/my agent"'
        " -appsDir=/apps"
    )


@pytest.mark.parametrize("path", ['/a"b', "/a\nb", "/a%b", "/a$b", "/a\\b", "/a "])
def test_a_path_that_systemd_would_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        unit.text(agent_dir=path, config="/c")


def test_only_what_was_written_here_is_ours() -> None:
    assert unit.is_ours(unit.text(agent_dir="/opt/reagent", config="/c"))
    assert not unit.is_ours("[Service]\nExecStart=/opt/reagent/Reagent-active\n")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_reads_it_without_complaint(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    for name in ("Reagent-active", "Reagent-previous"):
        (folder / name).symlink_to("/bin/true")
    file = tmp_path / unit.NAME
    file.write_text(unit.text(agent_dir=str(folder), config=f"{folder}/d"))

    said = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", str(file)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert [line for line in said.stderr.splitlines() if unit.NAME in line] == []
