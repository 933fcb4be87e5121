"""A version whose first bytes were blocked, and that was published again with good ones.

What is blocked is a digest. Wherever it is asked whether a file may stay what a link names, the
answer is about its bytes, not about its name.
"""

from __future__ import annotations

import hashlib

import pytest

from reagent.updates import judge
from reagent.updates.ledger import Ledger
from reagent.updates.links import Links
from reagent.updates.mending import mend, plan
from reagent.updates.quiet import is_quiet
from reagent.updates.state import Committed, State, decode, encode
from reagent.updates.vocabulary import ACTIVE, PREVIOUS
from tests.fakes.files import FakeFiles
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER, Device

OLD, NEW, NEXT = "reagent-v1.4.0", "reagent-v1.5.0", "reagent-v1.6.0"
LATER = 1_900_000_000.0


class Counting(FakeFiles):
    """Knows what was read whole."""

    def __init__(self) -> None:
        super().__init__()
        self.hashed: list[str] = []

    def sha256(self, path: str) -> str:
        self.hashed.append(path.rpartition("/")[2])
        return super().sha256(path)


def republished() -> Device:
    """1.5.0 failed here, came again with other bytes, and was committed."""
    device = life.flashed()
    for behaviour in ("exits", "good"):
        seat = device.settle(20)
        assert seat is not None
        life.stage(device, seat, "1.5.0", behaviour)
        device.settle(20)
    assert device.links.active == NEW
    assert [each.version for each in Ledger(device.files, FOLDER).state.blocked] == ["1.5.0"]
    return device


def followed(device: Device) -> Device:
    """The same, and 1.6.0 on top."""
    seat = device.settle()
    assert seat is not None
    life.stage(device, seat, "1.6.0", "good")
    device.settle()
    assert device.links.active == NEXT
    return device


def test_good_bytes_under_a_name_that_failed_before_are_fallen_back_to() -> None:
    device = followed(republished())

    assert device.links.previous == NEW


def test_it_stays_so_over_starts_and_mendings() -> None:
    device = followed(republished())

    device.settle()
    mended = mend(device.files, FOLDER, Ledger(device.files, FOLDER).state, LATER)

    assert mended == ()
    assert device.links == Links(NEXT, NEW, NEXT)


def test_a_committed_version_that_crashes_goes_back_to_it() -> None:
    device = followed(republished())
    machine = device.begin()

    for _ in range(judge.MOST_CRASHES + 1):
        device.launch(machine)
    device.settle()

    assert device.links.active == NEW


def test_it_is_active_again_when_nothing_else_is_named() -> None:
    device = followed(republished())
    device.files.unlink(f"{FOLDER}/{ACTIVE}")
    device.files.unlink(f"{FOLDER}/{NEXT}")

    mend(device.files, FOLDER, Ledger(device.files, FOLDER).state, LATER)

    assert device.links.active == NEW


@pytest.mark.parametrize("name", ["reagent-v1.3.0", "reagent-latest"])
def test_blocked_bytes_are_never_fallen_back_to_whatever_their_name(name: str) -> None:
    device = life.flashed()
    content = life.body("1.3.9", "exits")
    device.files.file(f"{FOLDER}/{name}", content)
    device.files.link(f"{FOLDER}/{PREVIOUS}", f"{FOLDER}/{name}")
    digest = hashlib.sha256(content).hexdigest()
    own = life.trial_of("1.4.0", life.body("1.4.0", "good"))
    ledger = Ledger(device.files, FOLDER)
    ledger.put(State(committed=judge.mark_of(own)).with_blocked(digest, "1.3.9", "failed"))

    wanted = plan(device.files, FOLDER, ledger.state)
    device.settle()

    assert wanted == ((PREVIOUS, OLD),)
    assert device.links.previous == OLD


# --- what it costs


@pytest.fixture
def at_rest() -> tuple[Device, Counting]:
    """Days later; what is read whole is counted."""
    device = followed(republished())
    files = Counting()
    files.__dict__ |= vars(device.files)
    device.files = files
    device.clock += 10 * 86_400.0
    return device, files


def test_what_is_fallen_back_to_is_read_once_not_at_every_start(
    at_rest: tuple[Device, Counting],
) -> None:
    device, files = at_rest

    for _ in range(3):
        device.settle()
        mend(files, FOLDER, Ledger(files, FOLDER).state, LATER)

    assert files.hashed.count(NEW) <= 1
    state = Ledger(files, FOLDER).state
    assert is_quiet(state, device.links, NEXT, 10_000.0 + device.clock)


def test_without_anything_blocked_nothing_is_read() -> None:
    own = life.trial_of("1.4.0", life.body("1.4.0", "good"))
    state = State(committed=judge.mark_of(own))

    assert is_quiet(state, Links(OLD, NEW, OLD), OLD, LATER)


def test_what_nobody_looked_at_yet_is_not_seen_at_a_glance() -> None:
    own = life.trial_of("1.4.0", life.body("1.4.0", "good"))
    state = State(committed=judge.mark_of(own)).with_blocked("b" * 64, "1.3.0", "failed")
    links = Links(OLD, NEW, OLD)

    looked = judge.looked_back(state, NEW, "5" * 64)

    assert not is_quiet(state, links, OLD, LATER)
    assert is_quiet(looked, links, OLD, LATER)
    assert not is_quiet(looked, Links(OLD, "reagent-v1.2.0", OLD), OLD, LATER)


def test_the_next_commit_forgets_what_was_fallen_back_to() -> None:
    mark = Committed(file=OLD, version="1.4.0", sha256="4" * 64, at=1.0)
    state = judge.looked_back(State(committed=mark), NEW, "5" * 64)
    kept = decode(encode(state))
    trial = life.trial_of("1.6.0", b"")

    after = judge.committed(kept, trial, 2.0, "1.6.0")

    assert kept == state
    assert after.committed is not None
    assert (after.committed.back, after.committed.back_sha256) == ("", "")
