"""The embedded bucket: a folder. What a web server in front of it serves is always whole.

`<root>/<bucket>/<object>` is the object. Its generation is its modification time in nanoseconds,
which is set before the rename that shows it and only ever goes up: content and generation change at
one stroke, and there is no index beside them that could be wrong. Partial files lie in
`<root>/.incoming`. One lock under the root makes "look at the generation, then write" one step for
all publishers of this machine.
"""

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

from reagent_build.progress import Moved, unheard
from reagent_release import layout
from reagent_release.errors import Changed, ObjectMissing, StoreError
from reagent_release.store import ABSENT, Stat

LOCK_S: Final = 60.0
_POLL_S: Final = 0.05


class FolderBucket:
    """A bucket that is the folder `root/name`.

    Args:
        root: the folder that holds buckets; made when something is written.
        name: of the bucket.
        lock_s: how long another publisher is waited for, in seconds.
        now_ns: the time, in nanoseconds since 1970.
    """

    def __init__(
        self,
        root: Path,
        name: str = layout.BUCKET,
        *,
        lock_s: float = LOCK_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.root = root
        self._folder = root / name
        self._lock_s = lock_s
        self._now_ns = now_ns

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._folder)

    def stat(self, name: str) -> Stat | None:
        """What is known of an object; None if there is none."""
        try:
            return self.get(name)[0]
        except ObjectMissing:
            return None

    def names(self, prefix: str) -> tuple[Stat, ...]:
        """All objects whose names begin so, in order of their names."""
        try:
            found = sorted(
                path.relative_to(self._folder).as_posix()
                for path in self._folder.rglob("*")
                if path.is_file()
            )
        except OSError as error:
            raise StoreError(f"{self.address} cannot be listed: {error}") from error
        stats = (self.stat(name) for name in found if name.startswith(prefix))
        return tuple(stat for stat in stats if stat is not None)

    def get(self, name: str) -> tuple[Stat, bytes]:
        """An object and what is in it, both of one generation: both come from one descriptor."""
        try:
            with self._path(name).open("rb") as file:
                content = file.read()
                generation = os.fstat(file.fileno()).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectMissing(f"there is no {name} in {self.address}") from error
        except OSError as error:
            raise StoreError(f"{name} in {self.address} cannot be read: {error}") from error
        return _stat(name, content, generation), content

    def put(self, name: str, content: bytes, *, replacing: int, moved: Moved = unheard) -> Stat:
        """Write an object at one stroke."""
        path = self._path(name)
        with self._exclusively():
            found = self._expect(name, replacing)
            try:
                generation = self._write(path, content, max(self._now_ns(), found + 1))
            except OSError as error:
                raise StoreError(f"{name} was not written to {self.address}: {error}") from error
        moved(len(content))
        return _stat(name, content, generation)

    def copy(self, source: Stat, name: str, *, replacing: int) -> Stat:
        """Copy within the bucket."""
        stat, content = self.get(source.name)
        if stat.generation != source.generation:
            raise Changed(f"{source.name} in {self.address} was changed in the meantime")
        return self.put(name, content, replacing=replacing)

    def _path(self, name: str) -> Path:
        words = name.split("/")
        if any(word in {"", ".", ".."} or "\0" in word for word in words):
            raise StoreError(f"{name!r} is no name for an object")
        return self._folder / PurePosixPath(name)

    def _expect(self, name: str, replacing: int) -> int:
        found = self.stat(name)
        generation = ABSENT if found is None else found.generation
        if generation != replacing:
            what = "exists already" if replacing == ABSENT else "was changed in the meantime"
            raise Changed(f"{name} in {self.address} {what}")
        return generation

    def _write(self, path: Path, content: bytes, generation: int) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming = self.root / ".incoming"
        incoming.mkdir(exist_ok=True)
        partial = incoming / secrets.token_hex(8)
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.utime(file.fileno(), ns=(generation, generation))
                os.fsync(file.fileno())
                kept = os.fstat(file.fileno()).st_mtime_ns  # as finely as this file system can
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _fsync(path.parent)
        return kept

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"{self.address} cannot be written: {error}") from error
        try:
            self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        until = time.monotonic() + self._lock_s
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > until:
                raise StoreError(
                    f"another publisher has held {self.root / '.lock'} for {self._lock_s:g} s"
                )
            time.sleep(_POLL_S)


def _stat(name: str, content: bytes, generation: int) -> Stat:
    digest = hashlib.sha256(content).hexdigest()
    return Stat(
        name=name,
        size=len(content),
        generation=generation,
        fingerprint=f"sha256:{digest}",
        cache_control=layout.CACHE_CONTROL,
        content_type=layout.content_type(name),
    )


def _fsync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
