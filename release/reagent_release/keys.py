"""The keyring: which keys there are, where their private halves lie, and whom devices trust.

    <folder>/keyring.json            keyid -> {name, signer}; public
    <folder>/roots/<n>.root.json     every root there ever was; public; builds bake in the newest
    <folder>/private/<name>.pem      0600, where a key is a file; never in a repository

What a signer is, see `signers`. Nothing private is read before something is signed.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root

from reagent_release import signers
from reagent_release.configured import in_pyproject
from reagent_release.errors import Refused, ReleaseError
from reagent_release.signers import Here

ROOT: Final = "root"
ONLINE: Final = ("timestamp", "snapshot", "targets")
ROLES: Final = (ROOT, *ONLINE)
FILE: Final = "keyring.json"
ROOTS: Final = "roots"
PRIVATE: Final = "private"
FORMAT: Final = 1
SETTING: Final = "REAGENT_TRUST_KEYS"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key that we know: what people call it, and where its private half lies."""

    name: str
    signer: str


@dataclass(frozen=True, slots=True)
class Keyring:
    """What the folder says.

    Attributes:
        entries: by keyid.
        roots: in the order of their versions, each signed by the one before.
    """

    here: Here
    entries: Mapping[str, Entry]
    roots: tuple[bytes, ...]

    def __str__(self) -> str:
        return str(self.here.folder)

    @property
    def root(self) -> Root:
        """The newest."""
        return Metadata[Root].from_bytes(self.roots[-1]).signed

    def name(self, keyid: str) -> str:
        """What people call a key."""
        entry = self.entries.get(keyid)
        return entry.name if entry else f"{keyid[:8]}, which is not in the keyring"

    def names(self, role: str) -> tuple[str, ...]:
        """Of the keys of a role."""
        return tuple(map(self.name, self.root.roles[role].keyids))

    def signed(self, role: str, content: bytes) -> bytes:
        """The same metadata, signed by as many keys of a role as it needs.

        Raises:
            Refused: too few of the private keys can be had here.
        """
        return self.signed_by(((role, self.root),), content)

    def signed_by(self, roles: Sequence[tuple[str, Root]], content: bytes) -> bytes:
        """The same metadata, signed for each role as a root names its keys.

        Raises:
            Refused: too few of the private keys can be had here.
        """
        document: Metadata[Any] = Metadata.from_bytes(content)
        document.signatures.clear()
        for role, root in roles:
            self._sign(document, role, root)
        return document.to_bytes()

    def _sign(self, document: Metadata[Any], role: str, root: Root) -> None:
        threshold = root.roles[role].threshold
        missing: list[str] = []
        signed = 0
        for keyid in root.roles[role].keyids:
            if signed == threshold:
                break
            try:
                if keyid not in document.signatures:
                    self._sign_by(document, keyid, root.keys[keyid])
            except ReleaseError as error:
                missing.append(f"\n  {self.name(keyid)}: {error}")
            else:
                signed += 1
        if signed < threshold:
            raise Refused(
                f"{role} needs {threshold} of its keys, {signed} can be had here:{''.join(missing)}"
            )

    def _sign_by(self, document: Metadata[Any], keyid: str, key: Key) -> None:
        entry = self.entries.get(keyid)
        if entry is None:
            raise ReleaseError(f"it is not in {self.here.folder / FILE}")
        signer = signers.signer(entry.signer, key, self.here)
        try:
            document.sign(signer, append=True)
        except UnsignedMetadataError as error:
            raise ReleaseError(signers.said(entry.signer, error.__cause__ or error)) from error


def read(here: Here) -> Keyring:
    """Read the folder.

    Raises:
        ReleaseError: there is no keyring, or it is broken.
    """
    return Keyring(here, _entries(here.folder / FILE), _roots(here.folder / ROOTS))


def configured(repository: Path, environment: Mapping[str, str]) -> Keyring | None:
    """The keyring that the variable names, or else pyproject.toml; None where neither does.

    Raises:
        ReleaseError: there is none where one is named, or it is broken.
    """
    named = environment.get(SETTING) or in_pyproject(repository, "trust", "keys")
    if not named:
        return None
    return read(Here(repository / named, environment, signers.ask_at_terminal()))


def content(entries: Mapping[str, Entry]) -> bytes:
    """What `keyring.json` holds."""
    document = {
        "format": FORMAT,
        "keys": {key: {"name": each.name, "signer": each.signer} for key, each in entries.items()},
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def put(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file at one stroke; it never has a wider mode than it ends with.

    Raises:
        ReleaseError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(mode)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ReleaseError(f"{path} cannot be written: {error}") from error


def _entries(path: Path) -> dict[str, Entry]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ReleaseError(f"{path} is of format {document['format']}, not {FORMAT}")
        return {
            keyid: Entry(str(each["name"]), str(each["signer"]))
            for keyid, each in document["keys"].items()
        }
    except FileNotFoundError as error:
        raise ReleaseError(
            f"there is no keyring in {path.parent}: nox -s keys -- init makes one"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"{path} is broken: {type(error).__name__}: {error}") from error


def _roots(folder: Path) -> tuple[bytes, ...]:
    found: list[bytes] = []
    while (path := folder / f"{len(found) + 1}.root.json").exists():
        try:
            known = path.read_bytes()
            now = Metadata[Root].from_bytes(known)
            now.verify_delegate(ROOT, now)
            if found:
                Metadata[Root].from_bytes(found[-1]).verify_delegate(ROOT, now)
        except (OSError, RepositoryError, ValueError) as error:
            raise ReleaseError(f"{path} is no root that follows: {error}") from error
        if now.signed.version != len(found) + 1:
            raise ReleaseError(f"{path} holds version {now.signed.version}")
        found.append(known)
    if not found:
        raise ReleaseError(f"there is no 1.root.json in {folder}")
    return tuple(found)
