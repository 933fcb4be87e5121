import json
import stat
from pathlib import Path

import pytest

from reagent.commands.flash import flash
from reagent.errors import DeviceFileBroken

DEVICE = {
    "secret": "demo-device-secret",
    "serial_number": "SN-TEST-0001",
    "device_endpoint_url": "ws://127.0.0.1:8080/ws-re-dev",
    "device_key": 4021,
    "swarm_key": 17,
    "future_key": {"kept": True},
}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "built"
    file.write_bytes(b"\x7fELF" + bytes(3_000_000))
    return file


def test_a_flashed_folder_holds_the_version_the_device_file_and_three_links(
    tmp_path: Path, program: Path
) -> None:
    document = json.dumps(DEVICE).encode()

    flashed = flash(tmp_path / "agent", document, program, "1.2.3")

    assert sorted(entry.name for entry in (tmp_path / "agent").iterdir()) == [
        "Reagent-active",
        "Reagent-latest",
        "Reagent-previous",
        "device-config.flock",
        "reagent-v1.2.3",
    ]
    assert flashed.device_file.read_bytes() == document
    assert flashed.executable.read_bytes() == program.read_bytes()


def test_the_device_file_is_private_and_the_version_executable(
    tmp_path: Path, program: Path
) -> None:
    flashed = flash(tmp_path / "agent", json.dumps(DEVICE).encode(), program, "1.2.3")

    assert stat.S_IMODE(flashed.device_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(flashed.executable.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["Reagent-active", "Reagent-latest", "Reagent-previous"])
def test_links_name_the_version_by_an_absolute_path(
    tmp_path: Path, program: Path, name: str
) -> None:
    flash(tmp_path / "agent", json.dumps(DEVICE).encode(), program, "1.2.3")

    assert (tmp_path / "agent" / name).readlink() == tmp_path / "agent" / "reagent-v1.2.3"


def test_flashing_again_moves_the_links_and_keeps_the_older_version(
    tmp_path: Path, program: Path
) -> None:
    document = json.dumps(DEVICE).encode()
    flash(tmp_path / "agent", document, program, "1.2.3")

    flashed = flash(tmp_path / "agent", document, program, "1.3.0")

    assert flashed.active.readlink().name == "reagent-v1.3.0"
    assert (tmp_path / "agent" / "reagent-v1.2.3").exists()


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'"text"', b'{"secret": "x"}'])
def test_a_device_file_that_cannot_come_online_is_refused_before_anything_is_written(
    tmp_path: Path, program: Path, document: bytes
) -> None:
    with pytest.raises(DeviceFileBroken):
        flash(tmp_path / "agent", document, program, "1.2.3")

    assert not (tmp_path / "agent").exists()


def test_the_text_names_what_the_device_file_lacks(tmp_path: Path, program: Path) -> None:
    document = json.dumps({**DEVICE, "secret": ""}).encode()

    with pytest.raises(DeviceFileBroken, match=r"lacks secret$"):
        flash(tmp_path / "agent", document, program, "1.2.3")


def test_an_executable_that_is_missing_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flash(tmp_path / "agent", json.dumps(DEVICE).encode(), tmp_path / "absent", "1.2.3")

    assert list((tmp_path / "agent").iterdir()) == []
