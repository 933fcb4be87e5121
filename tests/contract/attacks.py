"""What somebody may try who got hold of the bucket, the line, old copies of it, or one key.

Each begins at a device that took 1.0.1 and a bucket in which 1.0.2 was rolled out since, and says
which rule refuses it. The page docs/reference/attacks.md is printed from this table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import MetaFile

from reagent.contracts.trust import Rule
from reagent.errors import Damaged
from sandbox.bucket_faults import Fault
from tests.contract.trusting import Device, executable

PORTAL: Final = b"<html><body>Accept our terms</body></html>\n"
TIMESTAMP: Final = "trust/timestamp.json"
FILE: Final = "linux/amd64/1.0.2/reagent"


@dataclass(frozen=True)
class Attack:
    """One of them.

    Attributes:
        name: what it is called.
        holds: what the attacker needs.
        does: what is done to the bucket or the device.
        ends: the rule, or the kind of error, that ends it.
        mends: making the bucket whole again is enough; else its owner has to act.
    """

    name: str
    holds: str
    does: Callable[[Device], None]
    ends: Rule | str
    mends: bool = True


def _old_bucket(device: Device) -> None:
    device.repository.show(device.repository.before)


def _old_bucket_and_torn_cache(device: Device) -> None:
    device.kept.write_bytes(device.kept.read_bytes()[:100])
    device.start()
    _old_bucket(device)


def _old_snapshot_under_a_new_timestamp(device: Device) -> None:
    repository = device.repository
    repository.versions["timestamp"] += 1
    repository.versions["snapshot"] -= 2
    repository.resign_timestamp()
    repository.versions["snapshot"] += 2


def _old_targets_under_a_new_snapshot(device: Device) -> None:
    repository = device.repository
    for role in ("timestamp", "snapshot"):
        repository.versions[role] += 1
    repository.resign_snapshot(MetaFile(1))
    repository.resign_timestamp()


def _old_bucket_for_years(device: Device) -> None:
    device.believe(device.repository.now + timedelta(days=31))


def _withheld_root(device: Device) -> None:
    """A root that was seen, and took a key away, is kept from a device that forgot it."""
    device.kept.unlink()
    device.start()
    device.repository.lose("trust/2.root.json")


def _another_snapshot(device: Device) -> None:
    objects = device.repository.copy()
    device.repository.bucket.put("trust/3.snapshot.json", objects["trust/2.snapshot.json"])


def _another_targets(device: Device) -> None:
    objects = device.repository.copy()
    device.repository.bucket.put("trust/3.targets.json", objects["trust/2.targets.json"])


def _another_snapshot_of_the_same_number(device: Device) -> None:
    """Signed as it should be, and naming the list of targets before."""
    repository = device.repository
    repository.resign_snapshot(MetaFile(repository.versions["targets"] - 1))


def _signed_by_nobody(device: Device) -> None:
    repository = device.repository
    repository.sign_with("timestamp", CryptoSigner.generate_ed25519())
    repository.publish()


def _signed_by_a_key_that_was_taken_away(device: Device) -> None:
    repository = device.repository
    repository.sign_with("timestamp", *repository.retired["timestamp"])
    repository.publish()


def _signed_by_one_of_two(device: Device) -> None:
    repository = device.repository
    repository.keys["targets"] = [CryptoSigner.generate_ed25519() for _ in range(2)]
    repository.sign_root(thresholds={"targets": 2})
    repository.sign_with("targets", repository.keys["targets"][0])
    repository.publish()


def _root_of_somebody_else(device: Device) -> None:
    repository = device.repository
    thief = CryptoSigner.generate_ed25519()
    honest, repository.keys["root"] = repository.keys["root"], [thief]
    repository.sign_root(by=[thief])
    repository.put_roots()
    repository.roots.pop()
    repository.keys["root"] = repository.root_keys = honest


def _old_root_for_a_new_one(device: Device) -> None:
    device.repository.bucket.put("trust/3.root.json", device.repository.roots[1])


def _page_for_a_root(device: Device) -> None:
    device.repository.bucket.put("trust/3.root.json", PORTAL)


def _page_for_everything(device: Device) -> None:
    device.repository.bucket.break_with(Fault.CAPTIVE_PORTAL, only="*")


def _no_metadata(device: Device) -> None:
    device.repository.bucket.break_with(Fault.NOT_FOUND, only="*/trust/*")


def _snapshot_for_a_timestamp(device: Device) -> None:
    objects = device.repository.copy()
    device.repository.bucket.put(TIMESTAMP, objects["trust/3.snapshot.json"])


def _changed_by_a_byte(device: Device) -> None:
    content = device.repository.copy()["trust/3.targets.json"]
    device.repository.bucket.put("trust/3.targets.json", content.replace(b"1.0.2", b"1.0.3"))


def _endless_timestamp(device: Device) -> None:
    device.repository.bucket.put(TIMESTAMP, b"{" + b" " * 20_000)


def _endless_targets(device: Device) -> None:
    device.repository.bucket.put("trust/3.targets.json", b"{" + b" " * 5_000_000)


def _endless_file(device: Device) -> None:
    device.repository.bucket.put(FILE, executable("1.0.2") + b"\0" * 100_000)


def _slow_metadata(device: Device) -> None:
    device.within = 0.3
    device.start()
    device.repository.bucket.break_with(Fault.SILENT, only=f"*/{TIMESTAMP}")


def _unsigned_file(device: Device) -> None:
    """What is enough for a build without roots."""
    bucket = device.repository.bucket
    bucket.publish("1.0.3", executable("1.0.3"))
    bucket.roll_out("1.0.3")
    document = {"format": 1, "versions": {"all": "1.0.3"}}
    bucket.put("rollout/2.json", json.dumps(document).encode())


def _unlisted_version(device: Device) -> None:
    """The owner rolled out what was never signed; nobody attacks."""
    device.repository.bucket.publish("1.0.3", executable("1.0.3"))
    device.repository.roll_out("1.0.3")
    device.repository.publish()


def _another_file(device: Device) -> None:
    content = bytearray(executable("1.0.2"))
    content[-1] ^= 1
    device.repository.bucket.put(FILE, bytes(content))


def _signed_for(device: Device, **custom: str) -> None:
    said = {"product": "reagent", "os": "linux", "arch": "amd64", "version": "1.0.2"}
    device.repository.add(FILE, executable("1.0.2"), **said | custom)
    device.repository.publish()


def _another_architecture(device: Device) -> None:
    _signed_for(device, arch="arm64")


def _another_system(device: Device) -> None:
    _signed_for(device, os="windows")


def _another_version(device: Device) -> None:
    _signed_for(device, version="1.0.0")


def _another_product(device: Device) -> None:
    _signed_for(device, product="gateway")


ATTACKS: Final = (
    Attack("rollback: an old bucket as a whole", "old copies", _old_bucket, Rule.ROLLBACK),
    Attack(
        "rollback: the same, and the device's own metadata is torn",
        "old copies, a power cut",
        _old_bucket_and_torn_cache,
        Rule.ROLLBACK,
    ),
    Attack(
        "rollback: an old snapshot under a new timestamp",
        "the timestamp key",
        _old_snapshot_under_a_new_timestamp,
        Rule.ROLLBACK,
        mends=False,
    ),
    Attack(
        "rollback: old targets under a new snapshot",
        "the timestamp and snapshot keys",
        _old_targets_under_a_new_snapshot,
        Rule.ROLLBACK,
        mends=False,
    ),
    Attack(
        "rollback: a root that took a key away is withheld",
        "the bucket, a device that lost its metadata",
        _withheld_root,
        Rule.ROLLBACK,
    ),
    Attack(
        "rollback: an old root under the number of the next",
        "the bucket",
        _old_root_for_a_new_one,
        Rule.ROLLBACK,
    ),
    Attack(
        "freeze: the same bucket for ever",
        "the line",
        _old_bucket_for_years,
        Rule.FREEZE,
        mends=False,
    ),
    Attack("mix and match: another snapshot", "old copies", _another_snapshot, Rule.MIX_AND_MATCH),
    Attack(
        "mix and match: another snapshot of the same number",
        "the snapshot key",
        _another_snapshot_of_the_same_number,
        Rule.MIX_AND_MATCH,
    ),
    Attack(
        "mix and match: another list of targets", "old copies", _another_targets, Rule.MIX_AND_MATCH
    ),
    Attack(
        "unknown key: a timestamp of a stranger", "the bucket", _signed_by_nobody, Rule.UNKNOWN_KEY
    ),
    Attack(
        "unknown key: a key that was taken away",
        "a stolen key",
        _signed_by_a_key_that_was_taken_away,
        Rule.UNKNOWN_KEY,
    ),
    Attack(
        "unknown key: a root of a stranger", "the bucket", _root_of_somebody_else, Rule.UNKNOWN_KEY
    ),
    Attack(
        "a list of targets that was changed", "the bucket", _changed_by_a_byte, Rule.MIX_AND_MATCH
    ),
    Attack(
        "unmet threshold: one key of two",
        "one of two keys",
        _signed_by_one_of_two,
        Rule.UNMET_THRESHOLD,
        mends=False,
    ),
    Attack("a page for a root", "the line", _page_for_a_root, Rule.NO_METADATA),
    Attack("a page for everything", "the line", _page_for_everything, Rule.NO_METADATA),
    Attack("no metadata at all", "the line", _no_metadata, Rule.NO_METADATA),
    Attack("a snapshot for a timestamp", "old copies", _snapshot_for_a_timestamp, Rule.NO_METADATA),
    Attack("endless data: a timestamp", "the line", _endless_timestamp, Rule.ENDLESS_DATA),
    Attack("endless data: a list of targets", "the line", _endless_targets, Rule.ENDLESS_DATA),
    Attack("endless data: the file itself", "the line", _endless_file, Damaged.slug),
    Attack("slow retrieval", "the line", _slow_metadata, Rule.SLOW_RETRIEVAL),
    Attack(
        "a file, its checksum and the version list", "the bucket", _unsigned_file, "nothing new"
    ),
    Attack(
        "a version that nobody signed for", "nothing", _unlisted_version, Rule.UNLISTED, mends=False
    ),
    Attack("another file under a signed name", "the bucket", _another_file, Damaged.slug),
    Attack(
        "wrong target: another architecture",
        "a mistake",
        _another_architecture,
        Rule.WRONG_TARGET,
        mends=False,
    ),
    Attack(
        "wrong target: another system", "a mistake", _another_system, Rule.WRONG_TARGET, mends=False
    ),
    Attack(
        "wrong target: another version",
        "a mistake",
        _another_version,
        Rule.WRONG_TARGET,
        mends=False,
    ),
    Attack(
        "wrong target: another product of the same owner",
        "its bucket",
        _another_product,
        Rule.WRONG_TARGET,
        mends=False,
    ),
)


def page() -> str:
    """The table, for people."""
    lines = ["| what is tried | with | refused by the rule |", "|---|---|---|"]
    lines += [f"| {each.name} | {each.holds} | `{each.ends}` |" for each in ATTACKS]
    return "\n".join(lines) + "\n"
