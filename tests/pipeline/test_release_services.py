"""A key that a service keeps to itself, as securesystemslib's signers see services."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, Signature, Signer

from tests.pipeline.release_place import Repository


class Vault(Signer):
    """A service that keeps a key to itself, as securesystemslib's signers see it."""

    KEY = CryptoSigner.generate_ed25519()
    asked: ClassVar[list[str]] = []

    @classmethod
    def import_(cls, name: str) -> tuple[str, Key]:
        cls.asked.append(name)
        return f"vault:{name}/1", cls.KEY.public_key

    @classmethod
    def from_priv_key_uri(
        cls,
        priv_key_uri: str,
        public_key: Key,  # noqa: ARG003 - as the base class says
        secrets_handler: object = None,  # noqa: ARG003
    ) -> Vault:
        cls.asked.append(priv_key_uri)
        return cls()

    @property
    def public_key(self) -> Key:
        return self.KEY.public_key

    def sign(self, payload: bytes) -> Signature:
        return self.KEY.sign(payload)


def test_a_key_can_stay_in_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "vault", Vault)
    monkeypatch.setattr(Vault, "asked", [])
    repository = Repository(tmp_path)
    repository.place = replace(
        repository.place, environment={"REAGENT_TRUST_KEYS": str(tmp_path / "ring")}
    )

    assert repository.run("keys", "init", "ring", "--targets", "vault:releases/1") == 0
    assert repository.run("keys", "refresh") == 0

    assert Vault.asked == ["releases", "vault:releases/1"]
    assert not (tmp_path / "ring/private/targets-1.pem").exists()


class Sealed(Vault):
    """A service that lets nobody sign."""

    def sign(self, payload: bytes) -> Signature:
        raise PermissionError("2 errors occurred:\n\t* permission denied")


def test_a_service_that_does_not_sign_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "vault", Vault)
    monkeypatch.setattr(Vault, "asked", [])
    repository = Repository(tmp_path)
    repository.place = replace(
        repository.place, environment={"REAGENT_TRUST_KEYS": str(tmp_path / "ring")}
    )
    assert repository.run("keys", "init", "ring", "--targets", "vault:releases/1") == 0
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "vault", Sealed)

    assert repository.run("keys", "refresh") == 1

    said = capsys.readouterr().err
    assert "vault:releases/1: PermissionError: 2 errors occurred: * permission denied" in said
    assert not [name for name in repository.published() if name.endswith("targets.json")]
