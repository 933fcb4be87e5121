"""Online keys that stay in a real HashiCorp Vault, where one is given: VAULT_ADDR and VAULT_TOKEN.

Its transit engine has to be mounted at `transit/`; each test makes a key of its own there.
`tests/pipeline/test_release_services.py` has a service of its own for where there is none.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from tests.pipeline.release_place import Repository
from tests.pipeline.signed_place import ROOT, SignedRepository

GIVEN = {name: os.environ.get(name, "") for name in ("VAULT_ADDR", "VAULT_TOKEN")}

pytestmark = pytest.mark.skipif(
    not all(GIVEN.values()) or importlib.util.find_spec("hvac") is None,
    reason="no Vault: VAULT_ADDR, VAULT_TOKEN, and pip install '.[vault]'",
)


@pytest.fixture
def vault_key() -> str:
    name = f"test-{secrets.token_hex(6)}"
    importlib.import_module("hvac").Client().secrets.transit.create_key(name, key_type="ed25519")
    return name


class VaultRepository(SignedRepository):
    """What signs online is one key in the Vault."""

    def __init__(self, folder: Path, key: str) -> None:
        Repository.__init__(self, folder, "1.0.0")
        self.now = 1_900_000_000.0
        self.ring = folder / "ring"
        self.place = replace(
            self.place,
            environment={"REAGENT_TRUST_KEYS": str(self.ring), **GIVEN},
            now=lambda: self.now,
        )
        uri = f"hv:{key}/1"
        roles = [f"--{role}={uri}" for role in ("timestamp", "snapshot", "targets")]
        assert self.run("keys", "init", str(self.ring), *roles) == 0


def test_releases_are_signed_by_a_key_that_never_leaves_the_vault(
    tmp_path: Path, vault_key: str
) -> None:
    repository = VaultRepository(tmp_path, vault_key)

    repository.release("1.0.1")
    assert repository.run("keys", "refresh") == 0

    root = Metadata[Root].from_bytes((repository.ring / "roots/1.root.json").read_bytes()).signed
    for name, role in (("timestamp.json", "timestamp"), ("1.targets.json", "targets")):
        content = repository.bucket.get(f"trust/{name}")[1]
        document = Metadata.from_bytes(content)
        root.verify_delegate(role, document.signed_bytes, document.signatures)
    assert repository.listed
    kept = sorted(each.name for each in (repository.ring / "private").iterdir())
    assert [each for each in kept if not each.startswith("root-")] == [".gitignore"]


def test_a_vault_that_lets_nobody_in_is_named_and_nothing_is_signed(
    tmp_path: Path,
    vault_key: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    repository = VaultRepository(tmp_path, vault_key)
    repository.release("1.0.1")
    before = repository.published()
    monkeypatch.setenv("VAULT_TOKEN", "hvs.wrong")
    repository.raise_version("1.0.2")

    repository.build(filler=ROOT)
    assert repository.run("publish") == 1

    said = capsys.readouterr().err
    assert f"hv:{vault_key}/1" in said
    assert "hvs.wrong" not in said
    assert {
        name: content for name, content in repository.published().items() if "trust/" in name
    } == {name: content for name, content in before.items() if "trust/" in name}
