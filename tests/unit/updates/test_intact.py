"""updates.intact: what was staged is found as it was, and given back its right to run."""

from __future__ import annotations

import errno
import hashlib

import pytest

from reagent.updates.intact import fault
from reagent.updates.ledger import Ledger
from reagent.updates.staging import Staging
from reagent.updates.vocabulary import ACTIVE
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER, Device

NEW = f"{FOLDER}/reagent-v1.5.0"
CONTENT = life.body("1.5.0", "good")
DIGEST = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)


@pytest.fixture
def device() -> Device:
    """A device on which 1.5.0 was staged."""
    device = life.flashed()
    device.files.file(NEW, CONTENT)
    return device


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o711, 0o777, 0o4755])
def test_a_version_with_the_right_bytes_gets_its_mode_back(device: Device, mode: int) -> None:
    device.files.names[NEW].mode = mode

    assert fault(device.files, NEW, DIGEST, SIZE) == ""

    assert device.files.lstat(NEW).mode == 0o755
    assert not device.files.names[NEW].dirty


def test_a_version_as_it_should_be_is_not_written_to(device: Device) -> None:
    assert fault(device.files, NEW, DIGEST) == ""

    assert device.files.log == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (CONTENT + b"x", f"it has {SIZE + 1} bytes, not {SIZE}"),
        (CONTENT[:-1] + b"x", "its digest is another one"),
    ],
)
def test_other_bytes_never_get_the_right_to_run(device: Device, content: bytes, why: str) -> None:
    device.files.file(NEW, content, mode=0o644)

    assert fault(device.files, NEW, DIGEST, SIZE) == why

    assert device.files.lstat(NEW).mode == 0o644


def test_what_is_no_file_is_left_alone(device: Device) -> None:
    device.files.link(NEW, "/bin/sh")

    assert fault(device.files, NEW, DIGEST) == "it is no file"
    assert fault(device.files, f"{FOLDER}/none", DIGEST) == "No such file or directory"


def test_a_disk_that_takes_no_mode_is_for_the_trial_to_find_out(device: Device) -> None:
    device.files.names[NEW].mode = 0o644
    device.files.fail("chmod", errno.EROFS)

    assert fault(device.files, NEW, DIGEST) == ""


def test_a_version_whose_right_to_run_was_taken_is_tried_all_the_same(device: Device) -> None:
    seat = device.settle()
    assert seat is not None
    new = life.stage(device, seat, "1.5.0", "good")
    device.files.names[NEW].mode = 0o644

    device.settle()

    assert device.content_of(ACTIVE) == new


def test_it_is_not_fetched_again_either(device: Device) -> None:
    seat = device.settle()
    assert seat is not None
    device.files.names[NEW].mode = 0o644

    assert Staging(seat, "amd64").have("1.5.0", DIGEST, SIZE)

    assert device.files.lstat(NEW).mode == 0o755
    assert Ledger(device.files, FOLDER).state.blocked == ()
