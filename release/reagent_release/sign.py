"""What is signed for along with a release, and by which keys.

Without a keyring nothing is, and devices go by a plain bucket. A bucket that is signed once is only
written to with its keyring at hand: what is not signed for would reach nobody, unnoticed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tuf.api.metadata import TargetFile

from reagent_build.targets import Target
from reagent_release import keys, layout, metadata
from reagent_release.errors import Refused
from reagent_release.keys import Keyring
from reagent_release.metadata import File, Known, Next, Part
from reagent_release.steps import Sign, Step, There, Write
from reagent_release.store import Bucket

PRODUCT: Final = "reagent"


@dataclass(frozen=True, slots=True)
class By:
    """Implements `steps.Signer`: the keys of a role."""

    keyring: Keyring
    role: str

    def __str__(self) -> str:
        names = self.keyring.names(self.role)
        threshold = self.keyring.root.roles[self.role].threshold
        many = f"{threshold} of " if len(names) > 1 else ""
        return many + ", ".join(names)

    def __call__(self, content: bytes, named: bytes | None) -> bytes:
        """The same, signed; and saying of what it names what that is, byte by byte."""
        if named is not None:
            content = metadata.naming(content, named)
        return self.keyring.signed(self.role, content)


@dataclass(frozen=True, slots=True)
class Signing:
    """A keyring, and the bucket as it is.

    Attributes:
        now: when things are signed.
    """

    keyring: Keyring
    known: Known
    now: datetime

    def steps(
        self,
        add: Iterable[File] = (),
        drop: Iterable[str] = (),
        *,
        anew: Iterable[str] = (),
        always: bool = False,
    ) -> tuple[Step, ...]:
        """Roots that are missing in the bucket, then what has to be signed.

        Args:
            add: files that are signed for from now on.
            drop: paths that are not any more.
            anew: roles that are signed again, whatever they say.
            always: sign a timestamp even if nothing changed.

        Raises:
            Refused: a file was signed for under the same name with other bytes.
        """
        wanted = {each.path: each.listed() for each in add}
        self._refuse_other_bytes(wanted)
        parts = metadata.following(
            self.known,
            self.now,
            add=wanted,
            drop=frozenset(drop),
            anew=frozenset(anew),
            always=always,
        )
        if not parts:
            return (*self.roots(), There(metadata.TIMESTAMP))
        return (*self.roots(), *map(self._sign, parts))

    @property
    def parts(self) -> Mapping[str, Part | None]:
        """What is known of each role now."""
        known = self.known
        return {
            "root": self.keyring.root,
            "targets": known.targets,
            "snapshot": known.snapshot,
            "timestamp": known.timestamp,
        }

    def roots(self) -> tuple[Step, ...]:
        """The roots that the bucket does not have."""
        return tuple(
            Write(f"{metadata.FOLDER}{number}.root.json", content)
            for number, content in enumerate(self.keyring.roots, 1)
            if number not in self.known.roots
        )

    def demand_signed(self, version: str, targets: Iterable[Target]) -> None:
        """Make sure that devices will find a version.

        Raises:
            Refused: it is not signed for, for one of the targets.
        """
        missing = [
            f"\n  {target}"
            for target in targets
            if layout.executable(target, version) not in self.known.files
        ]
        if missing:
            raise Refused(
                f"{version} is not signed for, for{''.join(missing)}\n"
                "nox -s publish signs for what lies in build/out, also when it is published already"
            )

    def _sign(self, part: Next) -> Sign:
        return Sign(
            part.name,
            part.content,
            By(self.keyring, part.role),
            f"{part.expires:%Y-%m-%d}",
            part.news,
            part.replacing,
            part.names,
            self.known.contents.get(part.names),
        )

    def _refuse_other_bytes(self, wanted: Mapping[str, TargetFile]) -> None:
        known = self.known.files
        other = [
            path
            for path, each in wanted.items()
            if path in known and known[path].hashes != each.hashes
        ]
        if other:
            lines = "".join(f"\n  {path}" for path in other)
            raise Refused(f"other bytes were signed for under the same name:{lines}")


def opened(keyring: Keyring | None, bucket: Bucket, now: float) -> Signing | None:
    """What a release is signed with; None: it is not.

    Raises:
        Refused: the bucket is signed, and not by this keyring, or a root has to go first.
        StoreError: it cannot be read.
    """
    if keyring is None:
        if metadata.is_signed(bucket):
            raise Refused(
                f"{bucket.address} is signed, and no keyring is named ({keys.SETTING} or"
                " [tool.reagent.trust] keys): its devices would not see what is done here"
            )
        return None
    newest = len(keyring.roots)
    if metadata.is_signed(bucket) and newest not in metadata.roots_in(bucket):
        raise Refused(
            f"root {newest} of {keyring} is not in {bucket.address} yet: nox -s keys -- refresh"
        )
    return Signing(keyring, metadata.gather(bucket, keyring.root), metadata.moment(now))


def executable(target: Target, version: str, length: int, sha256: str) -> File:
    """The agent of a version for a platform."""
    custom = {"product": PRODUCT, "os": target.os, "arch": target.stamp, "version": version}
    return File(layout.executable(target, version), length, sha256, custom)
