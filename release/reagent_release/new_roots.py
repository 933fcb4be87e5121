"""New keys, and roots that name them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata, Role, Root

from reagent_release import keys, metadata, signers
from reagent_release.errors import Misused, Refused
from reagent_release.keys import PRIVATE, ROLES, ROOT, Entry
from reagent_release.signers import Here

_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that a root is to name: one that is made, or one that exists."""

    name: str
    uri: str
    exists: bool

    def __str__(self) -> str:
        return f"{'take' if self.exists else 'make':<14} {self.name}  {self.uri}"


@dataclass(frozen=True, slots=True)
class Made:
    """A key that is there now.

    Attributes:
        pem: its private half; empty where somebody else has it.
    """

    entry: Entry
    public: SSlibKey
    pem: bytes = b""


def wanted(
    role: str, uris: Sequence[str], many: int, taken: Collection[str] = ()
) -> tuple[Wanted, ...]:
    """So many keys: those that are given, or else new ones in files.

    Args:
        role: whose they are.
        uris: of keys that exist.
        many: how many are made where none is given.
        taken: names that keys have already.
    """
    free = (f"{role}-{number}" for number in range(1, 1000))
    names = [name for name in free if name not in taken]
    if uris:
        return tuple(Wanted(name, uri, exists=True) for name, uri in zip(names, uris, strict=False))
    return tuple(
        Wanted(name, f"{signers.FILE}:{PRIVATE}/{name}.pem", exists=False) for name in names[:many]
    )


def make(wanted: Iterable[Wanted], here: Here, *, encrypt: bool) -> dict[str, Made]:
    """The keys, by name; nothing is written.

    Raises:
        ReleaseError: one that exists cannot be had, or nobody says a passphrase.
    """
    made: dict[str, Made] = {}
    for each in wanted:
        entry = Entry(each.name, each.uri)
        if each.exists:
            made[each.name] = Made(entry, signers.public(each.uri, here))
            continue
        key = signers.new()
        passphrase = here.passphrase(each.uri) if encrypt else b""
        public = SSlibKey.from_crypto(key.public_key())
        made[each.name] = Made(entry, public, signers.pem(key, passphrase))
    return made


def keep(made: Mapping[str, Made], here: Here) -> None:
    """Write the private halves that are ours, readable by nobody else, and never into git.

    Raises:
        Refused: there is one of that name; nothing is written.
        ReleaseError: they cannot be written.
    """
    folder = here.folder / PRIVATE
    ours = [name for name, each in made.items() if each.pem]
    for name in ours:
        if (folder / f"{name}.pem").exists():
            raise Refused(f"{folder / name}.pem exists, and a private key is never overwritten")
    for name, each in made.items():
        if each.pem:
            keys.put(folder / ".gitignore", b"*\n")
            folder.chmod(0o700)
            keys.put(folder / f"{name}.pem", each.pem, _MODE)


def first(by_role: Mapping[str, Sequence[SSlibKey]], threshold: int, now: datetime) -> Root:
    """Root 1; so many of its own keys have to sign, and one of every other role."""
    root = Root(
        version=1,
        keys={},
        roles={role: Role([], 1) for role in ROLES},
        consistent_snapshot=True,
    )
    for role, every in by_role.items():
        for key in every:
            root.add_key(key, role)
    root.roles[ROOT].threshold = threshold
    return _dated(root, now)


def following(root: Root, now: datetime) -> Root:
    """The same keys, one version and ten years on."""
    # By way of its text: what the library copies shares the lists of keys.
    after = Metadata[Root].from_bytes(Metadata[Root](root).to_bytes()).signed
    after.version = root.version + 1
    return _dated(after, now)


def replace_keys(root: Root, role: str, dropped: Iterable[str], added: Iterable[SSlibKey]) -> None:
    """Have a role signed by other keys.

    Raises:
        Misused: fewer are left than have to sign.
    """
    for keyid in dropped:
        root.revoke_key(keyid, role)
    for key in added:
        root.add_key(key, role)
    left = root.roles[role]
    if len(left.keyids) < left.threshold:
        raise Misused(
            f"{role} needs {left.threshold} keys to sign, {len(left.keyids)} would be left"
        )


def _dated(root: Root, now: datetime) -> Root:
    root.expires = (now + metadata.LIFETIMES[ROOT]).replace(microsecond=0)
    root.unrecognized_fields[metadata.ISSUED] = metadata.stamp(now)
    return root
