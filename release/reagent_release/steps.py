"""What a plan is made of, and how each step is carried out: put, read back, compare.

A step that finds its work done passes: the same command goes on where an earlier one broke off, and
an answer that was lost on the line is not taken for another publisher.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reagent_build.progress import Moved, unheard
from reagent_release.errors import Changed, ReleaseError, StoreError, Unfinished
from reagent_release.progress import Progress
from reagent_release.store import ABSENT, Bucket, Stat


def sha256(content: bytes) -> str:
    """The digest, in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class There:
    """Nothing is to be done for this object."""

    name: str

    def __str__(self) -> str:
        return f"already there  {self.name}"

    def do(self, _bucket: Bucket, _progress: Progress) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of the build becomes an object that did not exist."""

    name: str
    path: Path
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"upload         {self.name}  {self.size / 1e6:.1f} MB  sha256 {self.sha256}"

    def do(self, bucket: Bucket, progress: Progress) -> None:
        """Put, read back, compare.

        Raises:
            ReleaseError: the file is another one by now, or the bucket holds other bytes.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ReleaseError(f"{self.path} cannot be read: {error}") from error
        if sha256(content) != self.sha256:
            raise ReleaseError(f"{self.path} was changed since the plan was made")
        with progress.transfer(f"upload {self.name}", self.size) as moved:
            _put(bucket, self.name, content, ABSENT, moved)
        progress.step(f"read back {self.name}")
        _compare(bucket, self.name, content)


@dataclass(frozen=True, slots=True)
class Write:
    """A small object gets this content."""

    name: str
    content: bytes = field(repr=False)
    replacing: int = ABSENT

    def __str__(self) -> str:
        return f"write          {self.name}"

    def do(self, bucket: Bucket, progress: Progress) -> None:
        """Put, read back, compare.

        Raises:
            ReleaseError: it was changed since the plan was made, or the bucket holds other bytes.
        """
        progress.step(f"write {self.name}")
        _put(bucket, self.name, self.content, self.replacing, unheard)
        _compare(bucket, self.name, self.content)


class Signer(Protocol):
    """Signs metadata; its text says with which keys."""

    def __call__(self, content: bytes, named: bytes | None) -> bytes:
        """The same, signed; and saying of what it names what that is, byte by byte."""
        ...


@dataclass(frozen=True, slots=True)
class Sign:
    """Metadata is signed, which `signed` does before the first step of a plan is taken."""

    name: str
    content: bytes = field(repr=False)
    by: Signer
    expires: str
    news: tuple[str, ...] = ()
    replacing: int = ABSENT
    names: str = ""
    """The object that it names, which is signed before it or is there already."""
    named: bytes | None = field(default=None, repr=False)
    """What is in that, where it is there already."""

    def __str__(self) -> str:
        lines = [f"sign           {self.name}  by {self.by}, until {self.expires}"]
        return "\n  ".join([*lines, *(f"    for        {each}" for each in self.news)])

    def signed(self, before: Mapping[str, bytes]) -> Write:
        """The step that is left.

        Args:
            before: what was signed in this plan so far, by name.

        Raises:
            Refused: too few of the private keys can be had here.
        """
        content = self.by(self.content, before.get(self.names, self.named))
        return Write(self.name, content, self.replacing)

    def do(self, bucket: Bucket, progress: Progress) -> None:
        """Sign, put, read back, compare."""
        self.signed({}).do(bucket, progress)


@dataclass(frozen=True, slots=True)
class Copy:
    """An object of the bucket is copied to another name in it, by the bucket itself."""

    source: Stat
    name: str
    replacing: int = ABSENT

    def __str__(self) -> str:
        return f"copy           {self.name}  <- {self.source.name}"

    def do(self, bucket: Bucket, progress: Progress) -> None:
        """Copy and compare.

        Raises:
            ReleaseError: either was changed since the plan was made.
        """
        progress.step(f"copy {self.source.name} to {self.name}")
        try:
            copied = bucket.copy(self.source, self.name, replacing=self.replacing)
        except Changed:
            found = bucket.stat(self.name)
            if found is None or found.fingerprint != self.source.fingerprint:
                raise
            copied = found
        if copied.fingerprint != self.source.fingerprint:
            raise StoreError(f"{self.name} in {bucket.address} is not what was copied")


@dataclass(frozen=True, slots=True)
class Edit:
    """A file of this repository gets this text, at one stroke."""

    path: Path
    text: str = field(repr=False)

    def __str__(self) -> str:
        return f"edit           {self.path.name} in this repository (commit it)"

    def do(self, _bucket: Bucket, progress: Progress) -> None:
        """Write it.

        Raises:
            ReleaseError: it cannot be written.
        """
        progress.step(f"edit {self.path.name}")
        partial = self.path.with_name(f".{self.path.name}.new")
        try:
            partial.write_text(self.text, encoding="utf-8")
            partial.replace(self.path)
        except OSError as error:
            raise ReleaseError(f"{self.path} cannot be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)


Step = There | Upload | Write | Sign | Copy | Edit


def signed(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same plan with everything signed: what is missing for that is missing before it begins.

    Raises:
        Refused: too few of the private keys can be had here.
    """
    before: dict[str, bytes] = {}
    done: list[Step] = []
    for step in steps:
        if isinstance(step, Sign):
            written = step.signed(before)
            before[written.name] = written.content
            done.append(written)
        else:
            done.append(step)
    return tuple(done)


def carry_out(steps: Sequence[Step], bucket: Bucket, progress: Progress) -> None:
    """Do one after the other; the order of a plan is its safety.

    Raises:
        Unfinished: one of them failed; the text says which came before it.
    """
    done: list[str] = []
    for step in steps:
        try:
            step.do(bucket, progress)
        except ReleaseError as error:
            raise Unfinished(error, done) from error
        if not isinstance(step, There):
            done.append(str(step))


def _put(bucket: Bucket, name: str, content: bytes, replacing: int, moved: Moved) -> None:
    try:
        bucket.put(name, content, replacing=replacing, moved=moved)
    except Changed:
        if bucket.get(name)[1] != content:
            raise


def _compare(bucket: Bucket, name: str, content: bytes) -> None:
    _, found = bucket.get(name)
    if found != content:
        raise StoreError(f"{name} in {bucket.address} is not what was put there")
