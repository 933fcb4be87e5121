"""updates.staging: from a verified digest to a trial."""

from __future__ import annotations

import errno
import hashlib

import pytest

from reagent.errors import Damaged, NameTaken, NoRoom, NotForThisMachine
from reagent.updates import commit, judge
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role, Seat
from reagent.updates.staging import Staging
from tests.fakes.files import FakeFiles
from tests.unit.updates import life
from tests.unit.updates.life import FOLDER

CONTENT = life.body("1.5.0", "good")
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TARGET = f"{FOLDER}/reagent-v1.5.0"


def seat_on(files: FakeFiles, role: Role = Role.PROVEN) -> Seat:
    own = "reagent-v1.4.0" if role is Role.PROVEN else ""
    return Seat(
        role=role,
        folder=FOLDER,
        files=files,
        ledger=Ledger(files, FOLDER),
        times=life.TIMES,
        own=own,
    )


@pytest.fixture
def files() -> FakeFiles:
    return life.flashed().files


@pytest.fixture
def staging(files: FakeFiles) -> Staging:
    return Staging(seat_on(files), "amd64")


def fetched(staging: Staging, content: bytes = CONTENT, digest: str = DIGEST) -> str:
    draft = staging.drafts.open(digest)
    draft.write(content)
    staging.seal(draft, size=len(CONTENT), sha256=digest)
    return staging.stage(draft, "1.5.0", digest)


def test_a_staged_file_is_complete_executable_and_the_oldest(
    staging: Staging, files: FakeFiles
) -> None:
    assert fetched(staging) == TARGET

    found = files.lstat(TARGET)
    assert (found.mode, found.mtime, found.size) == (0o755, 1.0, len(CONTENT))
    assert files.list(f"{FOLDER}/downloads") == []
    assert staging.have("1.5.0", DIGEST)
    assert not staging.have("1.5.0", "0" * 64)
    assert not staging.have("1.6.0", DIGEST)


def test_nothing_is_visible_before_the_rename(staging: Staging, files: FakeFiles) -> None:
    before = set(files.list(FOLDER))
    draft = staging.drafts.open(DIGEST)
    draft.write(CONTENT)
    path = staging.seal(draft, size=len(CONTENT), sha256=DIGEST)

    assert path == f"{FOLDER}/downloads/{DIGEST}"
    assert set(files.list(FOLDER)) == before


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"x", CONTENT[:-1] + b"x"])
def test_what_is_not_what_was_published_is_dropped_and_blocks_nothing(
    staging: Staging, files: FakeFiles, content: bytes
) -> None:
    with pytest.raises(Damaged):
        fetched(staging, content)

    assert files.list(f"{FOLDER}/downloads") == []
    assert staging.blocked(DIGEST) is None


@pytest.mark.parametrize("arch", ["arm64", "armv7", "386", "riscv64"])
def test_another_platforms_file_is_blocked(files: FakeFiles, arch: str) -> None:
    staging = Staging(seat_on(files), arch)

    with pytest.raises(NotForThisMachine):
        fetched(staging)

    assert "is blocked" in (staging.blocked(DIGEST) or "")
    assert files.list(f"{FOLDER}/downloads") == []


def test_a_page_with_the_right_checksum_is_no_executable(staging: Staging) -> None:
    page = b"<html>".ljust(len(CONTENT))

    with pytest.raises(NotForThisMachine):
        fetched(staging, page, hashlib.sha256(page).hexdigest())


def test_what_a_cut_left_in_downloads_is_written_over(staging: Staging, files: FakeFiles) -> None:
    files.file(f"{FOLDER}/downloads/{DIGEST}", b"half")

    fetched(staging)

    assert files.read(TARGET, 1 << 20) == CONTENT


def test_a_full_disk_is_told_before_and_while_writing(staging: Staging, files: FakeFiles) -> None:
    files.full = True

    with pytest.raises(NoRoom):
        staging.room(100)
    draft = staging.drafts.open(DIGEST)
    with pytest.raises(OSError, match="No space") as raised:
        draft.write(CONTENT)
    draft.discard()

    assert raised.value.errno == errno.ENOSPC
    assert files.list(f"{FOLDER}/downloads") == []


@pytest.mark.parametrize("operation", ["fsync", "chmod", "utime"])
def test_a_disk_that_refuses_leaves_nothing(
    staging: Staging, files: FakeFiles, operation: str
) -> None:
    files.fail(operation, errno.EIO)

    with pytest.raises(OSError, match="error"):
        fetched(staging)

    assert files.list(f"{FOLDER}/downloads") == []


def test_the_name_of_a_version_that_runs_is_taken(staging: Staging, files: FakeFiles) -> None:
    draft = staging.drafts.open(DIGEST)
    draft.write(CONTENT)
    staging.seal(draft, size=len(CONTENT), sha256=DIGEST)

    with pytest.raises(NameTaken):
        staging.stage(draft, "1.4.0", DIGEST)

    assert files.read(f"{FOLDER}/reagent-v1.4.0", 1 << 20) != CONTENT


@pytest.mark.parametrize("what", ["link", "folder", "pipe"])
def test_a_name_that_is_no_file_is_taken(staging: Staging, files: FakeFiles, what: str) -> None:
    if what == "link":
        files.link(TARGET, "/etc/passwd")
    else:
        getattr(files, what)(TARGET)

    with pytest.raises(NameTaken):
        fetched(staging)


def test_an_unused_file_of_that_name_is_replaced(staging: Staging, files: FakeFiles) -> None:
    files.file(TARGET, b"left over")

    fetched(staging)

    assert files.read(TARGET, 1 << 20) == CONTENT


def test_a_version_that_is_there_already_is_not_moved(staging: Staging, files: FakeFiles) -> None:
    fetched(staging)
    identity = files.lstat(TARGET).identity

    fetched(staging)

    assert files.lstat(TARGET).identity == identity
    assert files.list(f"{FOLDER}/downloads") == []


def test_a_trial_is_scheduled_once_and_keeps_its_strikes(
    staging: Staging, files: FakeFiles
) -> None:
    fetched(staging)
    assert staging.schedule("1.5.0", DIGEST, len(CONTENT))
    ledger = Ledger(files, FOLDER)
    assert ledger.state.trial == life.trial_of("1.5.0", CONTENT)

    again = Staging(seat_on(files), "amd64")
    again._ledger.change(lambda state: judge.struck(state, 0.0))

    assert again.schedule("1.5.0", DIGEST, len(CONTENT))
    trial = again.trial()
    assert trial is not None
    assert trial.strikes == 1


def test_a_blocked_version_is_not_scheduled_until_somebody_orders_it(staging: Staging) -> None:
    staging.block(DIGEST, "1.5.0", "failed 3 times")

    assert staging.blocked(DIGEST) == "version 1.5.0 is blocked: failed 3 times"
    assert not staging.schedule("1.5.0", DIGEST, len(CONTENT))

    staging.unblock(DIGEST)
    assert staging.blocked(DIGEST) is None
    assert staging.schedule("1.5.0", DIGEST, len(CONTENT))


def test_blocking_what_is_being_tried_ends_its_trial(staging: Staging) -> None:
    staging.schedule("1.5.0", DIGEST, len(CONTENT))

    staging.block(DIGEST, "1.5.0", "says another version")

    assert staging.trial() is None


def test_the_version_that_runs_is_not_scheduled(staging: Staging) -> None:
    assert not staging.schedule("1.4.0", "4" * 64, 10)


@pytest.mark.parametrize("role", [Role.COPY, Role.CANDIDATE])
def test_a_copy_stages_and_schedules_nothing(files: FakeFiles, role: Role) -> None:
    staging = Staging(seat_on(files, role), "amd64")

    fetched(staging)

    assert not staging.schedule("1.5.0", DIGEST, len(CONTENT))
    assert "updates.json" not in files.list(FOLDER)


@pytest.mark.parametrize("name", ["Reagent-active", "Reagent-previous"])
def test_nothing_goes_while_a_link_is_away(staging: Staging, files: FakeFiles, name: str) -> None:
    files.file(f"{FOLDER}/reagent-v1.0.0", b"x")
    files.unlink(f"{FOLDER}/{name}")

    gone = commit.tidy(files, FOLDER, staging._ledger, own="reagent-v1.4.0")

    assert gone == ()
    assert {"reagent-v1.0.0", "reagent-v1.4.0"} <= set(files.list(FOLDER))


def test_tidying_spares_what_is_named_staged_or_being_written(
    staging: Staging, files: FakeFiles
) -> None:
    for name in ("reagent-v1.0.0", "reagent-v1.1.0-rc.1", "reagent-latest", "reagent-vold", "app"):
        files.file(f"{FOLDER}/{name}", b"x")
    files.file(f"{FOLDER}/reagent-v1.2.0", b"x")
    files.link(f"{FOLDER}/factory", f"{FOLDER}/reagent-v1.2.0")
    files.file(f"{FOLDER}/.put.tmp", b"x")
    files.file(f"{FOLDER}/downloads/old", b"x")
    fetched(staging)
    staging.drafts.open("6" * 64)

    gone = commit.tidy(files, FOLDER, staging._ledger, own="reagent-v1.4.0")

    assert gone == (".put.tmp", "reagent-v1.0.0", "reagent-v1.1.0-rc.1", "old")
    assert {"reagent-latest", "reagent-vold", "app", "reagent-v1.2.0", "reagent-v1.4.0"} <= set(
        files.list(FOLDER)
    )
    assert files.list(f"{FOLDER}/downloads") == ["6" * 64]


def test_the_floor_is_the_highest_version_that_was_committed() -> None:
    device = life.flashed()
    seat = device.settle()
    assert seat is not None
    life.stage(device, seat, "1.10.0", "good")
    after = device.settle()
    assert after is not None

    assert Staging(after, "amd64").floor() == "1.10.0"
