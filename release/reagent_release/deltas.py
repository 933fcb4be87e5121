"""What differs between two versions of an executable, for devices that run the older one.

Made with zstd's prefix mode at its thorough end: a patch release is a few hundred kilobytes then.
Each is applied here before it is published; one that saves too little is left out.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from reagent_build.targets import Target
from reagent_release import layout, versions
from reagent_release.built import Built
from reagent_release.errors import ObjectMissing, ReleaseError
from reagent_release.metadata import File
from reagent_release.progress import Progress
from reagent_release.sign import PRODUCT
from reagent_release.store import Bucket

WORTH: Final = 0.5
"""Of the whole; what is larger is not published. Devices go by the same, see their `shortcut`."""
LARGEST: Final = 8 * 1024 * 1024
MOST_BASES: Final = 3
"""How many older versions get one, for each target."""
_LEVEL: Final = 19
# As large as two executables; devices allow twice that.
_WINDOW_LOG: Final = 26


@dataclass(frozen=True, slots=True)
class Delta:
    """One of them.

    Attributes:
        base: the older version.
        path: where it was put until it is published.
    """

    target: Target
    version: str
    base: str
    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its object."""
        return layout.delta(self.target, self.version, self.base)

    @property
    def file(self) -> File:
        """As it is signed for."""
        custom = {
            "product": PRODUCT, "kind": "delta", "os": self.target.os, "arch": self.target.stamp,
            "version": self.version, "from": self.base,
        }  # fmt: skip
        return File(self.name, self.size, self.sha256, custom)


def packed(base: bytes, new: bytes, level: int = _LEVEL) -> bytes:
    """What makes `new` out of `base`; `level` is zstd's, 1 to 22.

    Raises:
        ReleaseError: it does not, when it is tried.
    """
    prefix = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, window_log=_WINDOW_LOG, enable_ldm=True, write_content_size=True
    )
    delta = zstandard.ZstdCompressor(dict_data=prefix, compression_params=parameters).compress(new)
    if unpacked(base, delta) != new:
        raise ReleaseError("a delta that was just made does not make the new file")
    return delta


def unpacked(base: bytes, delta: bytes) -> bytes:
    """What a device makes of it.

    Raises:
        ReleaseError: nothing comes of these two.
    """
    prefix = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    try:
        return zstandard.ZstdDecompressor(
            dict_data=prefix, max_window_size=1 << (_WINDOW_LOG + 1)
        ).decompress(delta)
    except zstandard.ZstdError as error:
        raise ReleaseError(f"nothing comes of a delta: {error}") from error


def bases(known: Iterable[str], version: str) -> tuple[str, ...]:
    """The versions that devices may run and that are below this one, the newest first."""
    below: list[str] = []
    for each in dict.fromkeys(known):
        if versions.lower(each, version):
            place = next((i for i, other in enumerate(below) if versions.lower(other, each)), None)
            below.insert(len(below) if place is None else place, each)
    return tuple(below[:MOST_BASES])


def make(
    built: Sequence[Built],
    version: str,
    known: Iterable[str],
    bucket: Bucket,
    *,
    folder: Path,
    progress: Progress,
) -> tuple[Delta, ...]:
    """Every delta that is worth it; what was made before from the same bytes is taken as it is.

    Args:
        built: what is published.
        version: as what.
        known: the versions that environments are pointed at.
        bucket: holds the older ones.
        folder: where deltas are kept.
        progress: told of each.

    Raises:
        StoreError: the bucket cannot be read.
        ReleaseError: one of them does not make what it should.
    """
    wanted = bases(known, version)
    made: list[Delta] = []
    for each in built:
        for base in wanted:
            old = _content(bucket, layout.executable(each.target, base))
            if old is None:
                continue
            progress.step(f"what differs between {base} and {version} for {each.target}")
            there = _content(bucket, layout.delta(each.target, version, base))
            content = _kept(folder, old, each.path.read_bytes(), there)
            if len(content) > min(WORTH * each.size, LARGEST):
                progress.step(f"{each.target}: from {base} it is no short way, left out")
                continue
            digest = hashlib.sha256(content).hexdigest()
            path = folder / f"{digest}.zst"
            made.append(Delta(each.target, version, base, path, len(content), digest))
    return tuple(made)


def _content(bucket: Bucket, name: str) -> bytes | None:
    try:
        return bucket.get(name)[1]
    except ObjectMissing:
        return None


def _kept(folder: Path, old: bytes, new: bytes, there: bytes | None) -> bytes:
    """One that is published stays as it is; one that was made here before need not be made again.

    Raises:
        ReleaseError: what is published does not make the new file.
    """
    if there is not None:
        if unpacked(old, there) != new:
            raise ReleaseError("a delta that is published makes another file than what was built")
        return _put(folder, there)
    pair = hashlib.sha256(hashlib.sha256(old).digest() + hashlib.sha256(new).digest()).hexdigest()
    known = folder / f"pair-{pair[:32]}"
    try:
        content = (folder / f"{known.read_text()}.zst").read_bytes()
        if unpacked(old, content) == new:
            return content
    except (OSError, ReleaseError):
        pass
    content = _put(folder, packed(old, new))
    known.write_text(hashlib.sha256(content).hexdigest())
    return content


def _put(folder: Path, content: bytes) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{hashlib.sha256(content).hexdigest()}.zst").write_bytes(content)
    return content
