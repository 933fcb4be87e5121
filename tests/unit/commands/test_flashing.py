"""commands.flashing: a device written into a mounted image."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from reagent.commands import flashing, unit
from tests.unit.commands.test_flash import DEVICE

AMD64, ARM64 = 62, 183


def elf(machine: int = AMD64) -> bytes:
    """An executable's first bytes, and some more."""
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x02\x00" + machine.to_bytes(2, "little")
    return head + bytes(1000)


class Image:
    """A mounted image, and what is to be flashed into it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "card"
        self.config = folder / "17-4021.flock"
        self.executable = folder / "built"
        (self.root / "bin").mkdir(parents=True)
        (self.root / "bin/sh").write_bytes(elf())
        self.config.write_text(json.dumps(DEVICE))
        self.executable.write_bytes(elf())

    def flash(self, *more: str, version: str = "1.2.3") -> int:
        return flashing.main(
            [
                f"--root={self.root}",
                f"--config={self.config}",
                f"--executable={self.executable}",
                *((f"--version={version}",) if version else ()),
                *more,
            ]
        )

    @property
    def folder(self) -> Path:
        return self.root / "opt/reagent"

    @property
    def unit(self) -> Path:
        return self.root / "etc/systemd/system/reagent.service"

    @property
    def everything(self) -> list[str]:
        return sorted(str(each.relative_to(self.root)) for each in self.root.rglob("*"))


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_links_name_the_version_as_the_device_will_see_it(image: Image) -> None:
    status = image.flash()

    assert status == 0
    for name in ("active", "previous", "latest"):
        target = (image.folder / f"Reagent-{name}").readlink()
        assert str(target) == "/opt/reagent/reagent-v1.2.3"
    assert (image.folder / "reagent-v1.2.3").read_bytes() == elf()
    assert stat.S_IMODE((image.folder / "device-config.flock").stat().st_mode) == 0o600


@pytest.mark.parametrize("place", ["opt", "etc"])
def test_a_link_of_the_image_that_leads_out_of_it_is_not_followed(
    image: Image, tmp_path: Path, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    ours = tmp_path / "of this machine"
    ours.mkdir()
    (image.root / place).symlink_to(ours)

    status = image.flash()

    assert status == 1
    assert "leads out of" in capfd.readouterr().err
    assert list(ours.iterdir()) == []


def test_a_link_that_stays_within_the_image_is_followed(image: Image) -> None:
    (image.root / "data").mkdir()
    (image.root / "opt").symlink_to("data")

    status = image.flash()

    assert status == 0
    assert (image.root / "data/reagent/reagent-v1.2.3").exists()


def test_the_service_is_written_and_enabled_without_running_anything(image: Image) -> None:
    image.flash()

    assert unit.is_ours(image.unit.read_text())
    wants = image.unit.parent / "multi-user.target.wants/reagent.service"
    assert str(wants.readlink()) == "/etc/systemd/system/reagent.service"


def test_a_service_that_the_image_brings_is_kept(
    image: Image, capfd: pytest.CaptureFixture[str]
) -> None:
    image.unit.parent.mkdir(parents=True)
    image.unit.write_text("[Service]\nExecStart=/opt/reagent/Reagent-active\n")

    status = image.flash()

    assert status == 0
    assert image.unit.read_text().startswith("[Service]")
    assert "keep  the service that the image brings" in capfd.readouterr().out


def test_flashing_again_replaces_our_own_service(image: Image) -> None:
    image.flash()
    image.unit.write_text(image.unit.read_text() + "# of an older version\n")

    image.flash()

    assert "older version" not in image.unit.read_text()


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    image: Image, capfd: pytest.CaptureFixture[str]
) -> None:
    before = image.everything

    status = image.flash("--dry-run")

    assert (status, image.everything) == (0, before)
    assert f"write {image.folder}/reagent-v1.2.3 from {image.executable}" in capfd.readouterr().out


def test_another_folder_on_the_device_is_named_in_the_service(image: Image) -> None:
    image.flash("-agentDir=/data/agent")

    assert (image.root / "data/agent/Reagent-active").is_symlink()
    assert "-agentDir=/data/agent" in image.unit.read_text()


@pytest.mark.parametrize(
    ("machine", "fits"), [(AMD64, True), (ARM64, False)], ids=["same", "another"]
)
def test_an_executable_for_another_processor_is_refused(
    image: Image, capfd: pytest.CaptureFixture[str], machine: int, *, fits: bool
) -> None:
    image.executable.write_bytes(elf(machine))

    status = image.flash()

    assert (status == 0) is fits
    assert ("is for another processor" in capfd.readouterr().err) is not fits
    assert image.folder.exists() is fits


def test_what_cannot_run_here_has_to_be_named_by_its_version(
    image: Image, capfd: pytest.CaptureFixture[str]
) -> None:
    status = image.flash(version="")

    assert status == 1
    assert "does not run here, so say what it is: --version 1.2.3" in capfd.readouterr().err
    assert not image.folder.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        ("junk", "the device file is no JSON"),
        ('{"secret": "x"}', "the device file lacks serial_number"),
    ],
)
def test_a_device_file_that_no_agent_comes_online_with_is_refused(
    image: Image, capfd: pytest.CaptureFixture[str], content: str | None, why: str
) -> None:
    image.config.unlink()
    if content is not None:
        image.config.write_text(content)

    status = image.flash()

    said = capfd.readouterr().err
    assert (status, why in said, str(image.config) in said) == (1, True, True)
    assert not image.folder.exists()


@pytest.mark.parametrize("version", ["latest", "../../etc/passwd", "1.2.3.4"])
def test_a_version_that_is_none_is_refused(image: Image, version: str) -> None:
    assert image.flash(version=version) == 1
    assert not image.folder.exists()
