"""What every bucket does that a release is written to: a folder, and Google's."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from reagent_release import layout
from reagent_release.errors import Changed, ObjectMissing, StoreError
from reagent_release.folder import FolderBucket
from reagent_release.store import ABSENT, Bucket
from sandbox.fixtures import unavailable
from sandbox.gcs import GoogleEmulator, NoGo
from sandbox.paths import run_folder
from sandbox.processes import SandboxError

pytestmark = pytest.mark.timeout(300)  # the first run builds fake-gcs-server

NAME = "linux/amd64/1.0.0/reagent"
WRONG = 4711


@pytest.fixture(scope="module")
def emulator() -> Iterator[GoogleEmulator]:
    pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
    with run_folder() as run_dir:
        made = GoogleEmulator(run_dir)
        try:
            made.start()
            yield made
        except NoGo as error:
            pytest.skip(str(error))
        except SandboxError as error:
            unavailable(str(error))
        finally:
            made.stop()


@pytest.fixture(params=["folder", "google"])
def bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bucket:
    if request.param == "folder":
        return FolderBucket(tmp_path)
    from reagent_release.gcs import GoogleBucket  # noqa: PLC0415 - not installed everywhere

    emulator: GoogleEmulator = request.getfixturevalue("emulator")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.address)
    name = f"bucket-{uuid4().hex}"
    emulator.make(name)
    return GoogleBucket(name)


def test_there_is_nothing_in_a_new_bucket(bucket: Bucket) -> None:
    assert bucket.stat(NAME) is None
    assert bucket.names("") == ()
    with pytest.raises(ObjectMissing, match=NAME):
        bucket.get(NAME)


def test_what_was_put_there_is_what_is_read(bucket: Bucket) -> None:
    written = bucket.put(NAME, b"\x00executable\xff", replacing=ABSENT)

    read, content = bucket.get(NAME)

    assert content == b"\x00executable\xff"
    assert read == written == bucket.stat(NAME)
    assert (read.name, read.size) == (NAME, 12)
    assert read.generation > ABSENT


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (NAME, "application/octet-stream"),
        (f"{NAME}.sha256", "text/plain"),
        ("version.txt", "text/plain"),
        ("availableVersions.json", "application/json"),
    ],
)
def test_every_object_is_served_fresh_and_as_what_it_is(
    bucket: Bucket, name: str, kind: str
) -> None:
    bucket.put(name, b"content", replacing=ABSENT)

    found = bucket.stat(name)

    assert found is not None
    assert (found.cache_control, found.content_type) == (layout.CACHE_CONTROL, kind)


def test_what_exists_is_not_created_again(bucket: Bucket) -> None:
    first = bucket.put(NAME, b"first", replacing=ABSENT)

    with pytest.raises(Changed, match=NAME):
        bucket.put(NAME, b"second", replacing=ABSENT)

    assert bucket.get(NAME) == (first, b"first")


def test_who_knows_what_is_there_replaces_it(bucket: Bucket) -> None:
    first = bucket.put(NAME, b"first", replacing=ABSENT)

    second = bucket.put(NAME, b"second, longer", replacing=first.generation)

    assert second.generation > first.generation
    assert second.fingerprint != first.fingerprint
    assert bucket.get(NAME) == (second, b"second, longer")


def test_who_saw_an_older_state_replaces_nothing(bucket: Bucket) -> None:
    first = bucket.put(NAME, b"first", replacing=ABSENT)
    second = bucket.put(NAME, b"second", replacing=first.generation)

    with pytest.raises(Changed, match=NAME):
        bucket.put(NAME, b"third", replacing=first.generation)

    assert bucket.get(NAME) == (second, b"second")


def test_what_does_not_exist_is_not_replaced(bucket: Bucket) -> None:
    with pytest.raises(Changed):
        bucket.put(NAME, b"content", replacing=WRONG)

    assert bucket.stat(NAME) is None


def test_the_same_bytes_have_one_fingerprint_and_two_generations(bucket: Bucket) -> None:
    first = bucket.put("a", b"content", replacing=ABSENT)
    second = bucket.put("a", b"content", replacing=first.generation)
    other = bucket.put("b", b"content", replacing=ABSENT)

    assert first.fingerprint == second.fingerprint == other.fingerprint
    assert second.generation != first.generation


def test_of_publishers_at_the_same_moment_one_wins(bucket: Bucket) -> None:
    ready = threading.Barrier(4)
    won: list[int] = []
    lost: list[StoreError] = []

    def publish(number: int) -> None:
        ready.wait(10)
        try:
            bucket.put(NAME, bytes([number]) * 100_000, replacing=ABSENT)
            won.append(number)
        except Changed as error:
            lost.append(error)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (len(won), len(lost)) == (1, 3)
    assert bucket.get(NAME)[1] == bytes(won) * 100_000


def test_a_large_object_arrives_whole_and_its_way_is_told(bucket: Bucket) -> None:
    content = os.urandom(9 * 1024 * 1024 + 17)
    told: list[int] = []

    stat = bucket.put(NAME, content, replacing=ABSENT, moved=told.append)

    assert stat.size == sum(told) == len(content)
    assert bucket.get(NAME) == (stat, content)


def test_an_empty_object_is_an_object(bucket: Bucket) -> None:
    stat = bucket.put(NAME, b"", replacing=ABSENT)

    assert bucket.get(NAME) == (stat, b"")
    assert stat.size == 0


def test_a_copy_is_the_same_under_another_name(bucket: Bucket) -> None:
    source = bucket.put(NAME, b"content", replacing=ABSENT)

    copied = bucket.copy(source, "linux/amd64/latest/reagent", replacing=ABSENT)

    assert copied.fingerprint == source.fingerprint
    assert copied.cache_control == layout.CACHE_CONTROL
    assert bucket.get("linux/amd64/latest/reagent") == (copied, b"content")


def test_a_copy_replaces_what_it_was_told_to(bucket: Bucket) -> None:
    source = bucket.put(NAME, b"new", replacing=ABSENT)
    old = bucket.put("latest", b"old", replacing=ABSENT)

    bucket.copy(source, "latest", replacing=old.generation)

    assert bucket.get("latest")[1] == b"new"


def test_what_is_gone_is_not_copied(bucket: Bucket, tmp_path: Path) -> None:
    source = FolderBucket(tmp_path / "other").put(NAME, b"content", replacing=ABSENT)

    with pytest.raises(ObjectMissing, match=NAME):
        bucket.copy(source, "latest", replacing=ABSENT)

    assert bucket.stat("latest") is None


def test_objects_are_listed_by_the_beginning_of_their_names(bucket: Bucket) -> None:
    for name in ("linux/arm64/1.0.0/reagent", NAME, f"{NAME}.sha256", "version.txt"):
        bucket.put(name, b"content", replacing=ABSENT)

    assert [each.name for each in bucket.names("linux/amd64/")] == [NAME, f"{NAME}.sha256"]
    assert [each.name for each in bucket.names("linux/a")] == [
        NAME, f"{NAME}.sha256", "linux/arm64/1.0.0/reagent",
    ]  # fmt: skip
    assert [each.name for each in bucket.names("version.txt")] == ["version.txt"]
    assert bucket.names("linux/amd64/1.0.0/reagent") == tuple(
        stat for name in (NAME, f"{NAME}.sha256") if (stat := bucket.stat(name))
    )
