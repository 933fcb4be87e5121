"""What publish and rollout sign, in which order, and what they refuse to sign."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from reagent_build.progress import Moved, unheard
from reagent_release.__main__ import main
from reagent_release.steps import sha256
from reagent_release.store import Stat
from tests.pipeline.release_place import Repository, Unlucky
from tests.pipeline.signed_place import DAY, ROOT, SignedRepository

EVERYWHERE = [word for name in ("production", "test", "local", "all") for word in (name, "1.1.0")]


@pytest.fixture
def repository(tmp_path: Path) -> SignedRepository:
    made = SignedRepository(tmp_path)
    made.build(filler=ROOT)
    return made


@pytest.fixture
def released(repository: SignedRepository) -> SignedRepository:
    repository.release("1.0.0")
    return repository


def test_every_file_is_signed_for_with_length_digest_and_purpose(
    repository: SignedRepository,
) -> None:
    assert repository.run("publish") == 0

    listed = repository.listed
    assert set(listed) == {
        "linux/amd64/1.0.0/reagent",
        "linux/armv7/1.0.0/reagent",
        "windows/amd64/1.0.0/reagent.exe",
    }
    for path, each in listed.items():
        content = repository.published()[path]
        assert (each.length, each.hashes) == (
            len(content),
            {"sha256": hashlib.sha256(content).hexdigest()},
        )
    assert listed["linux/armv7/1.0.0/reagent"].custom == {
        "product": "reagent",
        "os": "linux",
        "arch": "armv7",
        "version": "1.0.0",
    }


def test_the_order_is_files_metadata_manifest(repository: SignedRepository) -> None:
    bucket = Unlucky(repository.bucket.root)
    repository.release_to(bucket)

    assert repository.run("publish") == 0
    assert repository.run("rollout") == 0

    told = ("trust/", "rollout/", "version.txt", "availableVersions.json")
    written = [
        each for each in bucket.written if each.endswith("/reagent") or each.startswith(told)
    ]
    assert written == [
        "linux/amd64/1.0.0/reagent",
        "linux/armv7/1.0.0/reagent",
        "trust/1.root.json",
        "trust/1.targets.json",
        "trust/1.snapshot.json",
        "trust/timestamp.json",
        "version.txt",
        "linux/amd64/latest/reagent",
        "linux/armv7/latest/reagent",
        "rollout/1.json",
        "trust/2.targets.json",
        "trust/2.snapshot.json",
        "trust/timestamp.json",
        "availableVersions.json",
    ]


def test_agents_of_the_field_find_what_they_always_found(released: SignedRepository) -> None:
    published = released.published()

    digest = sha256(published["linux/amd64/1.0.0/reagent"])
    assert published["linux/amd64/1.0.0/reagent.sha256"] == f"{digest}\n".encode()
    assert released.devices_run()["production"] == "1.0.0"
    assert published["version.txt"] == b"1.0.0\n"


def test_a_roll_out_is_a_file_of_its_own_and_the_only_one_that_is_listed(
    released: SignedRepository,
) -> None:
    released.release("1.1.0")

    listed = released.listed
    assert [path for path in listed if path.startswith("rollout/")] == ["rollout/2.json"]
    assert json.loads(released.published()["rollout/2.json"]) == {
        "format": 1,
        "versions": dict.fromkeys(("production", "test", "local", "all"), "1.1.0"),
    }
    assert listed["rollout/2.json"].custom == {"product": "reagent", "kind": "rollout"}
    assert "rollout/1.json" in released.published()
    assert "linux/amd64/1.0.0/reagent" in listed


def test_the_same_again_signs_nothing(
    released: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    before = released.published()
    capsys.readouterr()

    assert released.run("publish") == 0
    assert released.run("rollout") == 0

    assert released.published() == before
    assert "already there  trust/timestamp.json" in capsys.readouterr().out


def test_what_is_due_is_signed_along(released: SignedRepository) -> None:
    released.now += 21 * DAY

    assert released.run("rollout") == 0

    assert released.signed("timestamp.json").version == 3
    assert released.signed("timestamp.json").expires.timestamp() == released.now + 30 * DAY
    assert released.names.count("3.snapshot.json") == 0


def test_what_is_due_and_cannot_be_signed_along_is_said(
    released: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    released.now += 3000 * DAY
    capsys.readouterr()

    assert released.run("rollout", "--dry-run") == 0

    assert "note: root expires on 2040-03-16: nox -s keys -- renew" in capsys.readouterr().out


def test_a_dry_run_reads_no_private_key_and_signs_nothing(released: SignedRepository) -> None:
    for each in (released.ring / "private").glob("*.pem"):
        each.unlink()
    released.raise_version("1.1.0")
    released.build(filler=ROOT)
    before = released.published()

    assert released.run("publish", "--dry-run") == 0

    assert released.published() == before


def test_a_key_that_is_missing_is_missing_before_anything_is_uploaded(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository.ring / "private/snapshot-1.pem").unlink()

    assert repository.run("publish") == 1

    assert "snapshot needs 1 of its keys, 0 can be had here" in capsys.readouterr().err
    assert repository.published() == {}


def test_one_that_broke_off_goes_on_under_the_next_number(repository: SignedRepository) -> None:
    bucket = Unlucky(repository.bucket.root)
    repository.release_to(bucket)
    bucket.fails_at = "trust/timestamp.json"
    assert repository.run("publish") == 1
    bucket.fails_at = ""

    assert repository.run("publish") == 0

    assert set(repository.listed) >= {"linux/amd64/1.0.0/reagent"}
    assert repository.signed("timestamp.json").snapshot_meta.version == 2


class Overtaken(Unlucky):
    """Somebody else signs the bucket while we upload."""

    def __init__(self, repository: SignedRepository) -> None:
        super().__init__(repository.bucket.root)
        self._place = repository.place

    def put(self, name: str, content: bytes, *, replacing: int, moved: Moved = unheard) -> Stat:
        if name == "trust/timestamp.json" and "linux/amd64/1.0.0/reagent" in self.written:
            self.written.clear()
            assert main(["keys", "refresh"], self._place) == 0
        return super().put(name, content, replacing=replacing, moved=moved)


def test_two_publishers_do_not_sign_over_each_other(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.run("keys", "refresh") == 0
    repository.release_to(Overtaken(repository))

    assert repository.run("publish") == 1

    assert "timestamp.json" in capsys.readouterr().err
    assert repository.listed == {}
    assert repository.run("publish") == 0
    assert "linux/amd64/1.0.0/reagent" in repository.listed


def test_each_part_says_what_it_names_byte_by_byte(released: SignedRepository) -> None:
    """Whoever has the key of a lower role must not exchange what a higher one signed for."""

    def agree() -> bool:
        published = released.published()
        timestamp = released.signed("timestamp.json").snapshot_meta
        snapshot = published[f"trust/{timestamp.version}.snapshot.json"]
        named = released.signed(f"{timestamp.version}.snapshot.json").meta["targets.json"]
        targets = published[f"trust/{named.version}.targets.json"]
        return (timestamp.length, timestamp.hashes, named.length, named.hashes) == (
            len(snapshot),
            {"sha256": sha256(snapshot)},
            len(targets),
            {"sha256": sha256(targets)},
        )

    assert agree()
    assert released.run("keys", "refresh") == 0
    assert agree()
    released.now += 300 * DAY
    assert released.run("keys", "refresh") == 0
    assert agree()
    assert released.signed("timestamp.json").version == 4


# --- what is refused


def test_a_signed_bucket_is_not_written_to_without_its_keyring(
    released: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    released.without_keyring()
    before = released.published()

    for command in ("publish", "rollout"):
        assert released.run(command) == 1
        assert "is signed, and no keyring is named" in capsys.readouterr().err

    assert released.published() == before


def test_a_build_without_a_root_is_not_published_into_a_signed_bucket(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build("linux/arm/7")

    assert repository.run("publish") == 1

    said = capsys.readouterr().err
    assert "these bring no root of trust" in said
    assert "reagent-linux-armv7" in said
    assert repository.published() == {}


def test_a_build_with_a_root_is_not_published_unsigned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path)
    repository.build(filler=ROOT)

    assert repository.run("publish") == 1

    assert "these bring a root of trust" in capsys.readouterr().err


def test_nothing_is_pointed_at_a_version_that_is_not_signed_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = Repository(tmp_path)
    plain.build()
    assert plain.run("publish") == 0
    capsys.readouterr()
    plain.place = replace(plain.place, environment={"REAGENT_TRUST_KEYS": str(tmp_path / "ring")})
    assert plain.run("keys", "init") == 0
    assert plain.run("keys", "refresh") == 0

    assert plain.run("rollout") == 1

    assert "1.0.0 is not signed for, for\n  linux/amd64\n" in capsys.readouterr().err
    assert "availableVersions.json" not in plain.published()


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_what_somebody_else_put_there_is_never_signed(
    released: SignedRepository,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """Whoever may write to the bucket must not get his list of targets signed by us."""
    (tmp_path / "thief").mkdir()
    thief = SignedRepository(tmp_path / "thief")
    thief.release("1.0.0")
    released.spoil(f"trust/{name}", thief.published()[f"trust/{name}"])
    before = released.published()
    released.raise_version("1.1.0")
    released.build(filler=ROOT)

    assert released.run("publish") == 1

    assert "was not signed by the keys of this keyring" in capsys.readouterr().err
    assert released.published() == before


def test_numbers_that_somebody_else_made_up_are_no_obstacle(released: SignedRepository) -> None:
    for name in ("99999999999999999999.targets.json", "x.targets.json", "7.targets.json"):
        released.bucket.put(f"trust/{name}", b"junk", replacing=0)

    released.release("1.1.0")

    assert "linux/amd64/1.1.0/reagent" in released.listed
    assert released.signed("timestamp.json").version == 4


def test_a_new_root_goes_first(
    released: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert released.run("keys", "rotate", "targets") == 0
    capsys.readouterr()

    assert released.run("publish") == 1
    assert "root 2 of" in capsys.readouterr().err
    assert released.run("keys", "refresh") == 0
    assert released.run("publish") == 0

    assert "2.root.json" in released.names
    assert "1.root.json" in released.names


def test_after_a_theft_nothing_old_is_signed_for(released: SignedRepository) -> None:
    assert released.run("keys", "rotate", "targets") == 0

    assert released.run("keys", "refresh", "--forget") == 0

    assert released.listed == {}
    assert released.run("publish") == 0
    assert released.run("rollout") == 0
    assert "linux/amd64/1.0.0/reagent" in released.listed
    assert "rollout/2.json" in released.listed


# --- a stick


def test_a_bundle_is_what_a_device_needs_and_no_more(
    released: SignedRepository, tmp_path: Path
) -> None:
    released.release("1.1.0")
    stick = tmp_path / "stick"

    assert released.run("keys", "bundle", "1.0.0", "linux/arm/7", str(stick)) == 0

    copied = {each.relative_to(stick).as_posix() for each in stick.rglob("*") if each.is_file()}
    assert copied == {
        "trust/1.root.json",
        "trust/4.targets.json",
        "trust/4.snapshot.json",
        "trust/timestamp.json",
        "linux/armv7/1.0.0/reagent",
    }
    for name in copied:
        assert (stick / name).read_bytes() == released.published()[name]


@pytest.mark.parametrize(
    ("words", "status"), [(("9.9.9", "linux/arm/7"), 1), (("1.0.0", "plan9"), 2)]
)
def test_what_is_not_signed_for_is_no_bundle(
    released: SignedRepository, tmp_path: Path, words: tuple[str, str], status: int
) -> None:
    stick = tmp_path / "stick"

    assert released.run("keys", "bundle", *words, str(stick)) == status

    assert not stick.exists()
