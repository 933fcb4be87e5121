"""Which bucket a release goes to: the one that is named, else the embedded one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build import pyproject
from reagent_release.errors import Misused, ReleaseError
from reagent_release.store import Bucket

VARIABLE: Final = "REAGENT_BUCKET"
EMBEDDED: Final = Path("release/out/bucket")


@dataclass(frozen=True, slots=True)
class Choice:
    """A bucket, and why it is that one."""

    bucket: str
    """gs://NAME, or a folder that holds buckets."""
    reason: str


def choose(repository: Path, environment: Mapping[str, str] = os.environ) -> Choice:
    """The variable first, then `[tool.reagent.release] bucket` in pyproject.toml.

    Raises:
        ReleaseError: pyproject.toml cannot be read.
        Misused: what is named there is no bucket.
    """
    if named := environment.get(VARIABLE):
        return Choice(_known(named, VARIABLE), f"named by {VARIABLE}")
    if named := in_pyproject(repository, "release", "bucket"):
        return Choice(_known(named, "pyproject.toml"), "named in pyproject.toml")
    reason = f"embedded, because neither {VARIABLE} nor pyproject.toml names one"
    return Choice(str(repository / EMBEDDED), reason)


def opened(choice: Choice) -> Bucket:
    """The bucket itself.

    Raises:
        StoreError: there is no way into it.
    """
    if choice.bucket.startswith("gs://"):
        from reagent_release.gcs import GoogleBucket  # noqa: PLC0415 - slow, and rarely wanted

        return GoogleBucket(choice.bucket.removeprefix("gs://"))
    from reagent_release.folder import FolderBucket  # noqa: PLC0415 - POSIX alone has its lock

    return FolderBucket(Path(choice.bucket))


def _known(named: str, where: str) -> str:
    if named.startswith("gs://"):
        name = named.removeprefix("gs://").rstrip("/")
        if not name or "/" in name:
            raise Misused(f"{where}: {named} is not gs://NAME; objects begin with <os>/ in it")
        return f"gs://{name}"
    if "://" in named:
        raise Misused(f"{where}: {named} is neither gs://NAME nor a folder")
    return str(Path(named).absolute())


def in_pyproject(repository: Path, table: str, key: str) -> str:
    """A text that the repository sets; empty where it does not.

    Raises:
        ReleaseError: its file cannot be read.
        Misused: something else than a text is set.
    """
    try:
        return pyproject.text(repository / "pyproject.toml", table, key)
    except pyproject.UnreadableError as error:
        raise ReleaseError(str(error)) from error
    except pyproject.NotTextError as error:
        raise Misused(str(error)) from error
