"""A part of the bucket on a stick, for `reagent update apply` in a valley without network."""

from pathlib import Path

from reagent_release import keys, metadata
from reagent_release.errors import Refused
from reagent_release.metadata import Known
from reagent_release.store import Bucket


def names(known: Known, root: int, executable: str) -> tuple[str, ...]:
    """The objects that a device needs, its file last.

    Args:
        known: what is signed for.
        root: the version of the newest root.
        executable: the object that is brought.

    Raises:
        Refused: nobody signed for it.
    """
    if known.timestamp is None or known.snapshot is None or executable not in known.files:
        raise Refused(f"{executable} is not signed for")
    snapshot = known.timestamp.snapshot_meta.version
    targets = known.snapshot.meta["targets.json"].version
    return (
        *(f"{metadata.FOLDER}{number}.root.json" for number in range(1, root + 1)),
        f"{metadata.FOLDER}{targets}.targets.json",
        f"{metadata.FOLDER}{snapshot}.snapshot.json",
        metadata.TIMESTAMP,
        executable,
    )


def copy(bucket: Bucket, names: tuple[str, ...], folder: Path) -> None:
    """Copy them, as they are named there.

    Raises:
        ReleaseError: one cannot be read, or written.
    """
    for name in names:
        keys.put(folder / name, bucket.get(name)[1])
