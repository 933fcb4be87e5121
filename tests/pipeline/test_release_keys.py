"""`nox -s keys`: made, shown, replaced, renewed; and what never happens to a private key."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from reagent_release import signers
from tests.pipeline.release_place import Repository
from tests.pipeline.signed_place import DAY, SignedRepository


@pytest.fixture
def repository(tmp_path: Path) -> SignedRepository:
    return SignedRepository(tmp_path)


def root(repository: SignedRepository, number: int) -> Root:
    content = (repository.ring / f"roots/{number}.root.json").read_bytes()
    return Metadata[Root].from_bytes(content).signed


def private(repository: SignedRepository, name: str) -> Path:
    return repository.ring / f"private/{name}.pem"


# --- making


def test_a_keyring_is_public_but_for_its_private_folder(repository: SignedRepository) -> None:
    names = [each["name"] for each in repository.keyring().values()]

    assert names == ["root-1", "root-2", "timestamp-1", "snapshot-1", "targets-1"]
    for name in names:
        assert stat.S_IMODE(private(repository, name).stat().st_mode) == 0o600
    assert stat.S_IMODE(private(repository, "root-1").parent.stat().st_mode) == 0o700
    assert (repository.ring / "private/.gitignore").read_text() == "*\n"
    public = (repository.ring / "keyring.json").read_text() + (
        repository.ring / "roots/1.root.json"
    ).read_text()
    assert "PRIVATE" not in public


def test_root_keys_sign_the_root_and_last_ten_years(repository: SignedRepository) -> None:
    first = root(repository, 1)

    assert first.roles["root"].threshold == 2
    assert {role: len(each.keyids) for role, each in first.roles.items()} == {
        "root": 2,
        "timestamp": 1,
        "snapshot": 1,
        "targets": 1,
    }
    assert first.expires.timestamp() - repository.now == 3652 * DAY
    assert first.consistent_snapshot is True
    assert "issued" in first.unrecognized_fields


def test_a_dry_run_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = Repository(tmp_path)

    assert repository.run("keys", "init", "ring", "--dry-run") == 0

    assert "make           root-3" in capsys.readouterr().out
    assert not (tmp_path / "ring").exists()


def test_a_keyring_is_never_made_over_another(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (repository.ring / "keyring.json").read_bytes()

    assert repository.run("keys", "init", str(repository.ring)) == 1

    assert "there is a keyring in" in capsys.readouterr().err
    assert (repository.ring / "keyring.json").read_bytes() == before


def test_keys_can_be_encrypted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = Repository(tmp_path)
    secret = {signers.PASSPHRASE: "correct horse"}
    repository.place = replace(repository.place, environment=secret)

    assert repository.run("keys", "init", "ring", "--encrypt") == 0
    ring = {"REAGENT_TRUST_KEYS": str(tmp_path / "ring")}
    assert "ENCRYPTED" in (tmp_path / "ring/private/root-1.pem").read_text()
    repository.place = replace(repository.place, environment=ring)
    assert repository.run("keys", "refresh") == 1
    assert "is encrypted, and REAGENT_KEY_PASSPHRASE is not set" in capsys.readouterr().err

    repository.place = replace(repository.place, environment=ring | {signers.PASSPHRASE: "wrong"})
    assert repository.run("keys", "refresh") == 1
    said = capsys.readouterr()
    assert "or the passphrase is wrong" in said.err
    assert "wrong horse" not in said.err + said.out

    repository.place = replace(repository.place, environment=ring | secret)
    assert repository.run("keys", "refresh") == 0
    said = capsys.readouterr()
    assert "correct horse" not in said.err + said.out


def test_nobody_to_ask_for_a_passphrase_is_said_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path)

    assert repository.run("keys", "init", "ring", "--encrypt") == 1

    assert "REAGENT_KEY_PASSPHRASE" in capsys.readouterr().err
    assert not (tmp_path / "ring").exists()


def test_a_key_can_come_from_a_variable(tmp_path: Path) -> None:
    pem = signers.pem(signers.new()).decode()
    repository = Repository(tmp_path)
    environment = {"CI_TIMESTAMP": pem, "REAGENT_TRUST_KEYS": str(tmp_path / "ring")}
    repository.place = replace(repository.place, environment=environment)

    assert repository.run("keys", "init", "ring", "--timestamp", "env:CI_TIMESTAMP") == 0
    assert repository.run("keys", "refresh") == 0

    assert not (tmp_path / "ring/private/timestamp-1.pem").exists()
    assert pem.split()[5] not in (tmp_path / "ring/keyring.json").read_text()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("gpg:1234", "nobody knows how to ask 'gpg' for a public key"),
        ("nothing", "nobody knows how to ask 'nothing' for a public key"),
        ("env:UNSET", "UNSET is not set"),
        ("file:absent.pem", "cannot be read"),
        ("env:JUNK", "is no private key"),
        ("env:RSA", "is no Ed25519 key, and devices verify nothing else"),
    ],
)
def test_a_key_that_devices_could_not_verify_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], uri: str, said: str
) -> None:
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    )
    repository = Repository(tmp_path)
    repository.place = replace(repository.place, environment={"JUNK": "x", "RSA": other.decode()})

    assert repository.run("keys", "init", "ring", "--targets", uri) in {1, 2}

    assert said in capsys.readouterr().err
    assert not (tmp_path / "ring").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("bogus",),
        ("init",),
        ("init", "ring", "--root-keys", "2", "--threshold", "3"),
        ("init", "ring", "--root-keys", "0"),
        ("rotate",),
        ("rotate", "nobody"),
        ("show",),
        ("refresh", "--dry"),
    ],
)
def test_what_makes_no_sense_is_misuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert Repository(tmp_path).run("keys", *words) == 2

    assert capsys.readouterr().err.startswith("keys: ")


def test_a_private_key_is_never_overwritten(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository.ring / "keyring.json").unlink()
    before = private(repository, "root-1").read_bytes()

    assert repository.run("keys", "init", str(repository.ring)) == 1

    assert "a private key is never overwritten" in capsys.readouterr().err
    assert private(repository, "root-1").read_bytes() == before
    assert not (repository.ring / "keyring.json").exists()


# --- replacing


def test_a_new_online_key_is_named_by_a_new_root(repository: SignedRepository) -> None:
    before = root(repository, 1).roles["timestamp"].keyids

    assert repository.run("keys", "rotate", "timestamp") == 0

    after = root(repository, 2)
    assert set(after.roles["timestamp"].keyids).isdisjoint(before)
    Metadata[Root].from_bytes((repository.ring / "roots/1.root.json").read_bytes()).verify_delegate(
        "root", Metadata[Root].from_bytes((repository.ring / "roots/2.root.json").read_bytes())
    )
    assert private(repository, "timestamp-2").exists()


def test_a_root_key_that_was_lost_is_replaced_by_those_that_are_left(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    assert repository.run("keys", "rotate", "root", "--drop", "root-1") == 0
    assert {
        repository.keyring()[key]["name"] for key in root(repository, 2).roles["root"].keyids
    } == {
        "root-2",
        "root-3",
    }


def test_too_few_root_keys_are_said_with_their_names_and_nothing_is_made(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    private(repository, "root-2").unlink()
    before = sorted(repository.ring.rglob("*"))

    assert repository.run("keys", "rotate", "timestamp") == 1

    said = capsys.readouterr().err
    assert "root needs 2 of its keys, 1 can be had here" in said
    assert "root-2: " in said
    assert sorted(repository.ring.rglob("*")) == before


def test_a_root_key_is_only_dropped_by_name(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.run("keys", "rotate", "root") == 2
    assert repository.run("keys", "rotate", "root", "--drop", "root-9") == 2

    assert "root-9 is no key of root; there are root-1, root-2" in capsys.readouterr().err


def test_renewing_keeps_the_keys_for_ten_more_years(repository: SignedRepository) -> None:
    repository.now += 3000 * DAY

    assert repository.run("keys", "renew") == 0

    before, after = root(repository, 1), root(repository, 2)
    assert {role: each.keyids for role, each in before.roles.items()} == {
        role: each.keyids for role, each in after.roles.items()
    }
    assert after.expires.timestamp() - repository.now == 3652 * DAY


@pytest.mark.parametrize("verb", [("rotate", "timestamp"), ("renew",), ("refresh",)])
def test_dry_runs_change_nothing(repository: SignedRepository, verb: tuple[str, ...]) -> None:
    before = sorted(repository.ring.rglob("*"))

    assert repository.run("keys", *verb, "--dry-run") == 0

    assert sorted(repository.ring.rglob("*")) == before
    assert repository.names == []


def test_a_private_key_that_others_can_read_is_not_used(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    private(repository, "targets-1").chmod(0o644)

    assert repository.run("keys", "refresh") == 1

    assert "take it for stolen" in capsys.readouterr().err
    assert repository.names == []


# --- a folder that is broken


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2, "keys": {}}', '{"format": 1}'])
def test_a_broken_keyring_is_said(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (repository.ring / "keyring.json").write_text(content)

    assert repository.run("keys") == 1

    assert "keyring.json" in capsys.readouterr().err


def test_a_root_that_its_predecessor_did_not_sign_is_refused(
    repository: SignedRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = SignedRepository(tmp_path / "other")
    assert other.run("keys", "renew") == 0
    second = (other.ring / "roots/2.root.json").read_bytes()
    (repository.ring / "roots/2.root.json").write_bytes(second)

    assert repository.run("keys") == 1

    assert "2.root.json is no root that follows" in capsys.readouterr().err


# --- what expires when


def test_it_says_what_expires_when(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.run("keys", "refresh") == 0
    capsys.readouterr()

    assert repository.run("keys") == 0

    said = capsys.readouterr().out
    assert (
        "2 of 2: root-1, root-2\n             version 1, until 2040-03-16, 10.0 years left" in said
    )
    assert "timestamp-1\n             version 1, until 2030-04-16, 30 days left" in said


@pytest.mark.parametrize(("days", "word"), [(21, "due"), (31, "EXPIRED")])
def test_what_is_due_is_shown_and_told_by_the_status(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str], days: int, word: str
) -> None:
    assert repository.run("keys", "refresh") == 0
    repository.now += days * DAY
    capsys.readouterr()

    assert repository.run("keys") == 1

    assert capsys.readouterr().out.count("<-- ") == 1
    assert repository.run("keys", "refresh") == 0
    assert repository.run("keys") == 0
    assert repository.signed("timestamp.json").version == 2
    assert word


def test_a_bucket_that_cannot_be_read_does_not_hide_the_keys(
    repository: SignedRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.run("keys", "refresh") == 0
    repository.spoil("trust/timestamp.json", b"<html>")
    capsys.readouterr()

    repository.run("keys")

    said = capsys.readouterr().out
    assert "root-1, root-2" in said
    assert "the bucket is not shown: trust/timestamp.json in the bucket was not signed" in said


def test_what_was_executed_is_kept_without_a_secret(repository: SignedRepository) -> None:
    assert repository.run("keys", "refresh") == 0

    (record,) = repository.records()
    assert record["outcome"] == "done"
    assert "PRIVATE" not in json.dumps(record)
