"""`updates.json` in every state a disk may leave it in, crossed with what links may look like."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from reagent.updates import judge
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role
from reagent.updates.state import State, decode, encode
from reagent.updates.vocabulary import ACTIVE, LATEST, PREVIOUS
from tests.fakes.files import FakeFiles
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER

PATH = f"{FOLDER}/updates.json"
GOOD = life.body("1.5.0", "good")
WHOLE = encode(
    judge.blocked(
        State(trial=life.trial_of("1.5.0", GOOD), floor="1.4.0", baseline={"joined": 9_000.0}),
        "b" * 64,
        "1.3.9",
        "failed 3 times",
    )
)


def content(text: bytes) -> Callable[[FakeFiles], None]:
    return lambda files: files.file(PATH, text)


def nothing(_files: FakeFiles) -> None:
    return


SPOILED: dict[str, Callable[[FakeFiles], None]] = {
    "missing": nothing,
    "empty": content(b""),
    "zeros": content(b"\0" * 4096),
    "a list": content(b"[]"),
    "a number": content(b"7"),
    "null": content(b"null"),
    "no text": content(b"\xff\xfe\x00"),
    "deep": content(b"[" * 100_000),
    "huge": content(b" " * 300_000 + b"{}"),
    "a higher format": content(WHOLE.replace(b'"format": 1', b'"format": 2')),
    "a format that is no number": content(WHOLE.replace(b'"format": 1', b'"format": "1"')),
    "a folder": lambda files: files.folder(PATH),
    "a pipe": lambda files: files.pipe(PATH),
    "a link to itself": lambda files: files.link(PATH, PATH),
    "a trial that is a list": content(b'{"format": 1, "trial": []}'),
    "a trial that leads out": content(WHOLE.replace(b"reagent-v1.5.0", b"../../bin/sh")),
    "fields of other kinds": content(
        b'{"format":1,"trial":{"file":7,"sha256":[],"size":true},"blocked":{"a":1},"ends":[],'
        b'"baseline":{"joined":"x"},"floor":3,"committed":"no"}'
    ),
}


def remove(name: str) -> Callable[[FakeFiles], None]:
    def act(files: FakeFiles) -> None:
        files.unlink(f"{FOLDER}/{name}")
        files.fsync(FOLDER)

    return act


LINKS: dict[str, Callable[[FakeFiles], None]] = {
    "as they should be": nothing,
    "previous missing": remove(PREVIOUS),
    "latest missing": remove(LATEST),
    "previous dangles": lambda files: files.link(f"{FOLDER}/{PREVIOUS}", f"{FOLDER}/gone"),
    "latest dangles": lambda files: files.link(f"{FOLDER}/{LATEST}", f"{FOLDER}/gone"),
    "previous is the folder": lambda files: files.link(f"{FOLDER}/{PREVIOUS}", f"{FOLDER}/"),
    "previous leads to itself": lambda files: files.link(
        f"{FOLDER}/{PREVIOUS}", f"{FOLDER}/{PREVIOUS}"
    ),
    "latest is a file": lambda files: files.file(f"{FOLDER}/{LATEST}", b"x"),
    "both missing": lambda files: (remove(PREVIOUS)(files), remove(LATEST)(files))[0],
}


@pytest.mark.parametrize(("spoiled", "links"), list(itertools.product(SPOILED, LINKS)))
def test_the_device_starts_and_its_links_are_repaired(spoiled: str, links: str) -> None:
    device = life.flashed()
    SPOILED[spoiled](device.files)
    LINKS[links](device.files)

    seat = device.settle()

    assert seat is not None
    assert seat.role is Role.PROVEN
    assert (device.links.previous, device.links.latest) == ("reagent-v1.4.0", "reagent-v1.4.0")
    assert not [name for name in device.files.list(FOLDER) if name.endswith(".tmp")]


@pytest.mark.parametrize("spoiled", SPOILED)
def test_the_next_update_works_whatever_stood_there(spoiled: str) -> None:
    device = life.flashed()
    SPOILED[spoiled](device.files)
    seat = device.settle()
    assert seat is not None

    new = life.stage(device, seat, "1.6.0", "good")
    device.settle()

    assert device.content_of(ACTIVE) == new
    assert decode(device.files.read(PATH, 1 << 20)).spoiled == ""


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_every_truncation_means_no_trial(length: int) -> None:
    state = decode(WHOLE[:length])

    assert state.trial is None or length >= len(WHOLE) - 1
    assert state == decode(WHOLE) or state.spoiled


def test_what_is_blocked_is_blocked_in_every_format() -> None:
    for form in (0, 2, 99, "x", None):
        document = json.loads(WHOLE) | {"format": form}

        state = decode(json.dumps(document).encode())

        assert state.trial is None
        assert state.floor == "1.4.0"
        assert [each.sha256 for each in state.blocked] == ["b" * 64]


def test_a_trial_of_a_higher_format_is_replaced_not_obeyed() -> None:
    device = life.flashed()
    device.files.file(f"{FOLDER}/reagent-v1.5.0", GOOD)
    SPOILED["a higher format"](device.files)
    seat = device.settle()
    assert seat is not None
    assert device.machine is not None
    assert device.machine.ran == []

    new = life.stage(device, seat, "1.6.0", "good")

    state = Ledger(device.files, FOLDER).state
    assert state.trial is not None
    assert state.trial.version == "1.6.0"
    assert state.block_of("b" * 64) is not None
    device.settle()
    assert device.content_of(ACTIVE) == new


def test_keys_of_later_versions_survive() -> None:
    document = json.loads(WHOLE)
    document["later"] = {"a": [1]}
    document["trial"]["later"] = 7

    again = json.loads(encode(decode(json.dumps(document).encode())))

    assert again["later"] == {"a": [1]}
    assert again["trial"]["later"] == 7


def test_what_is_encoded_is_decoded_again() -> None:
    state = decode(WHOLE)

    assert decode(encode(state)) == state
    assert encode(state) == WHOLE


def test_a_folder_that_cannot_be_written_to_starts_and_tries_nothing() -> None:
    device = life.flashed()
    seat = device.settle()
    assert seat is not None
    life.stage(device, seat, "1.5.0", "good")
    device.files.fail("create", 30)
    device.files.fail("symlink", 30)

    again = device.settle(starts=1)

    assert again is not None
    assert again.role is Role.PROVEN
    assert device.machine is not None
    assert device.machine.ran == []
    device.files.fail("create", 0)
    device.files.fail("symlink", 0)
    device.settle()
    assert device.content_of(ACTIVE) == GOOD


def test_a_full_disk_starts_and_tries_nothing() -> None:
    device = life.flashed()
    seat = device.settle()
    assert seat is not None
    life.stage(device, seat, "1.5.0", "good")
    device.files.full = True

    again = device.launch(device.begin())

    assert again is not None
    assert again.rest == life.TIMES.proof
    assert device.machine is not None
    assert device.machine.ran == []


def test_a_staged_file_that_changed_is_not_tried() -> None:
    device = life.flashed()
    device.files.file(f"{FOLDER}/reagent-v1.5.0", GOOD[:-1])
    device.files.file(PATH, WHOLE)

    device.settle()

    assert device.machine is not None
    assert device.machine.ran == []
    assert Ledger(device.files, FOLDER).state.trial is None
