"""What the adapter relies on in python-tuf, and what it makes of hostile bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, Targets, Timestamp

from reagent.adapters.tuf.client import NgClient
from reagent.contracts.trust import Chain, Rule, Verdict
from reagent.errors import DownloadFailed, NotThere, StagingFailed, Untrusted

NOW = datetime(2030, 1, 1, tzinfo=UTC)
AT = NOW.timestamp()
DAY = timedelta(days=1)


class Shelf:
    """Metadata of one owner, and whatever else a test puts between it."""

    def __init__(self) -> None:
        self.signer = CryptoSigner.generate_ed25519()
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        root = Root(
            version=1,
            expires=NOW + 3650 * DAY,
            keys={},
            roles={role: Role([], 1) for role in ("root", "timestamp", "snapshot", "targets")},
            consistent_snapshot=True,
        )
        for role in root.roles:
            root.add_key(self.signer.public_key, role)
        self.root = self.signed(root)
        self.files["1.targets.json"] = self.signed(Targets(1, expires=NOW + 9 * DAY))
        self.files["1.snapshot.json"] = self.signed(
            Snapshot(1, expires=NOW + 6 * DAY, meta={"targets.json": MetaFile(1)})
        )
        self.files["timestamp.json"] = self.signed(
            Timestamp(1, expires=NOW + 3 * DAY, snapshot_meta=MetaFile(1))
        )

    def signed(self, part: Root | Targets | Snapshot | Timestamp) -> bytes:
        signed: Metadata[Root | Targets | Snapshot | Timestamp] = Metadata(part)  # type: ignore[type-var]
        signed.sign(self.signer)
        return signed.to_bytes()

    async def fetch(self, name: str, most: int) -> bytes:
        self.asked.append(name)
        if name not in self.files:
            raise NotThere(f"{name} answers 404, not 200")
        return self.files[name][:most]


@pytest.fixture(scope="module")
def whole() -> Shelf:
    return Shelf()


@pytest.fixture
def shelf(whole: Shelf) -> Shelf:
    whole.asked.clear()
    made = object.__new__(Shelf)
    made.signer, made.root = whole.signer, whole.root
    made.files, made.asked = dict(whole.files), []
    return made


async def look(
    shelf: Shelf, tmp_path: Path, at: float = AT, *, any_timestamp: bool = False
) -> Verdict:
    client = NgClient(shelf.root, (str(tmp_path),))
    return await client.look(shelf.fetch, Chain(), at=at, any_timestamp=any_timestamp)


async def test_its_clock_is_ours(shelf: Shelf, tmp_path: Path) -> None:
    """The one access to something private: python-tuf has no way to be told the time."""
    assert (await look(shelf, tmp_path, AT)).refused is None
    assert (await look(shelf, tmp_path, 0.0)).refused is None

    late = (await look(shelf, tmp_path, AT + 3 * 86_400)).refused

    assert isinstance(late, Untrusted)
    assert (late.rule, late.why) == (Rule.FREEZE, "timestamp.json is expired")


@pytest.mark.parametrize("at", [-1e18, -1.0, 1e12, 1e300, float("inf")])
async def test_a_clock_may_say_what_no_calendar_has(
    shelf: Shelf, tmp_path: Path, at: float
) -> None:
    verdict = await look(shelf, tmp_path, at)

    assert (verdict.refused is None) is (at < AT)


async def test_an_offline_bundle_may_have_an_expired_timestamp(
    shelf: Shelf, tmp_path: Path
) -> None:
    verdict = await look(shelf, tmp_path, AT + 5 * 86_400, any_timestamp=True)

    assert verdict.refused is None
    assert set(verdict.signed) == {"root", "timestamp", "snapshot", "targets"}


async def test_and_nothing_else_that_is(shelf: Shelf, tmp_path: Path) -> None:
    refused = (await look(shelf, tmp_path, AT + 7 * 86_400, any_timestamp=True)).refused

    assert isinstance(refused, Untrusted)
    assert (refused.rule, refused.why) == (Rule.FREEZE, "snapshot.json is expired")


async def test_what_was_known_is_not_asked_for_again(shelf: Shelf, tmp_path: Path) -> None:
    client = NgClient(shelf.root, (str(tmp_path),))
    first = await client.look(shelf.fetch, Chain(), at=AT)
    shelf.asked.clear()

    again = await client.look(shelf.fetch, first.chain, at=AT)

    assert again == first
    assert shelf.asked == ["2.root.json", "timestamp.json"]


HOSTILE = (
    b"",
    b"<html>",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b'{"signed": {}, "signatures": []}',
    b'{"signed": [], "signatures": {}}',
    b'{"signed": {"_type": "timestamp", "version": 1e400}, "signatures": []}',
    b'{"signed": {"_type": ["timestamp"]}, "signatures": [{}]}',
    b"[" * 10_000,
    b'{"signed":' * 1_000,
    b"\xff\xfe\x00",
    b'{"signed": {"_type": "timestamp", "version": ' + b"9" * 5_000 + b"}}",
)


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize(
    "name", ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
)
async def test_hostile_bytes_are_no_metadata(
    shelf: Shelf, tmp_path: Path, name: str, content: bytes
) -> None:
    shelf.files[name] = content

    refused = (await look(shelf, tmp_path)).refused

    assert isinstance(refused, Untrusted)
    assert refused.rule == Rule.NO_METADATA


async def test_a_torn_working_copy_is_fetched_again(shelf: Shelf, tmp_path: Path) -> None:
    client = NgClient(shelf.root, (str(tmp_path),))
    known = Chain({2: b"<html>", 7: b""}, dict.fromkeys(("timestamp", "snapshot", "targets"), b"{"))

    verdict = await client.look(shelf.fetch, known, at=AT)

    assert verdict.refused is None
    assert verdict.chain.roots == {}


async def test_a_line_that_breaks_is_no_matter_of_trust(shelf: Shelf, tmp_path: Path) -> None:
    async def broken(name: str, most: int) -> bytes:
        if name == "1.snapshot.json":
            raise DownloadFailed("the line is down")
        return await shelf.fetch(name, most)

    verdict = await NgClient(shelf.root, (str(tmp_path),)).look(broken, Chain(), at=AT)

    assert isinstance(verdict.refused, DownloadFailed)
    assert str(verdict.refused) == "the line is down"


async def test_the_second_place_is_taken_where_the_first_cannot_be_written(
    shelf: Shelf, tmp_path: Path
) -> None:
    client = NgClient(shelf.root, (str(tmp_path / "absent"), str(tmp_path)))

    assert (await client.look(shelf.fetch, Chain(), at=AT)).refused is None
    assert list(tmp_path.iterdir()) == []


async def test_no_place_at_all_is_said(shelf: Shelf, tmp_path: Path) -> None:
    client = NgClient(shelf.root, (str(tmp_path / "absent"), str(tmp_path / "neither")))

    with pytest.raises(StagingFailed, match=r"no folder to work in: .*absent.*neither"):
        await client.look(shelf.fetch, Chain(), at=AT)


@pytest.mark.parametrize("root", [b"", b"<html>", b"{}"])
async def test_a_root_that_is_none_trusts_nobody(shelf: Shelf, tmp_path: Path, root: bytes) -> None:
    with pytest.raises(Untrusted):
        await NgClient(root, (str(tmp_path),)).look(shelf.fetch, Chain(), at=AT)

    assert shelf.asked == []


WITHOUT_COMPILED_CODE = """
import asyncio, sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"cryptography", "nacl", "_cffi_backend"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from pathlib import Path
from reagent.adapters.tuf.client import NgClient
from reagent.contracts.trust import Chain
folder = Path(sys.argv[1])
async def fetch(name, most):
    from reagent.errors import NotThere
    path = folder / name
    if not path.exists():
        raise NotThere(name)
    return path.read_bytes()
client = NgClient((folder / "root").read_bytes(), (str(folder),))
verdict = asyncio.run(client.look(fetch, Chain(), at=float(sys.argv[2])))
print(verdict.refused or "believed", sorted(set(sys.modules) & {"cryptography", "urllib3"}))
"""


@pytest.mark.parametrize(("spoiled", "said"), [(False, "believed"), (True, "rule unknown-key")])
def test_signatures_are_verified_without_compiled_code(
    shelf: Shelf, tmp_path: Path, said: str, *, spoiled: bool
) -> None:
    for name, content in {"root": shelf.root, **shelf.files}.items():
        (tmp_path / name).write_bytes(content)
    if spoiled:
        content = shelf.files["1.targets.json"].replace(b'"version":1', b'"version":2')
        (tmp_path / "1.targets.json").write_bytes(content)

    done = subprocess.run(
        [sys.executable, "-OO", "-c", WITHOUT_COMPILED_CODE, str(tmp_path), str(AT)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        check=False,
        timeout=25,
    )

    assert said in done.stdout, done.stderr
    assert "[]" in done.stdout
