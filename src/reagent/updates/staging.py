"""From a verified digest to a version that nobody names yet, and to its trial.

    downloads/<sha256>      written, fsynced, read back through the same descriptor, 0755, mtime 1
    reagent-v<version>      by rename; complete, and the oldest of all for whoever takes the newest
    updates.json            schedules the trial

Everything here is file work of milliseconds to a second and belongs into a thread. Who downloads
what, and from where, is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from reagent.contracts.files import Kind, NewFile
from reagent.errors import Damaged, NameTaken, NoRoom, NotForThisMachine
from reagent.updates import drafts, elf, judge, links
from reagent.updates.drafts import Draft, Drafts
from reagent.updates.intact import MODE, OLDEST, fault
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role, Seat
from reagent.updates.state import MOST_BLOCKED, State, Trial
from reagent.updates.vocabulary import (
    DOWNLOADS,
    UPDATE,
    version_file,
)

RESERVE_BYTES: Final = 64 * 1024 * 1024
_CHUNK: Final = 1 << 20


class Staging:
    """The folder where versions are put, and the list of what must not come back.

    Args:
        seat: who we are there.
        arch: the architecture of this executable, as `settings.stamp` says it.

    Attributes:
        drafts: what is on its way there.
    """

    def __init__(self, seat: Seat, arch: str) -> None:
        self._files = seat.files
        self._ledger: Ledger = seat.ledger
        self._seat = seat
        self._arch = arch
        self.drafts = Drafts(self._files, self.folder, self._ledger)

    @property
    def folder(self) -> str:
        """Where versions are put."""
        return self._seat.folder

    def blocked(self, sha256: str) -> str | None:
        """Why this digest must not be fetched; None when it may."""
        block = self._ledger.state.block_of(sha256)
        return None if block is None else f"version {block.version} is blocked: {block.why}"

    def floor(self) -> str:
        """The highest version that was ever committed here, empty when there was none."""
        return self._ledger.state.floor

    def trial(self) -> Trial | None:
        """What is being tried."""
        return self._ledger.state.trial

    def have(self, version: str, sha256: str, size: int | None = None) -> bool:
        """Whether this version is staged already, with this digest, and may be run."""
        return not fault(self._files, f"{self.folder}/{version_file(version)}", sha256, size)

    def size_of(self, version: str, sha256: str) -> int | None:
        """The size of this version in bytes; None where it is not staged with this digest."""
        with suppress(OSError):
            if self.have(version, sha256):
                return self.length_of(f"{self.folder}/{version_file(version)}")
        return None

    def length_of(self, path: str) -> int:
        """The size of a file there, in bytes.

        Raises:
            OSError: nobody can tell.
        """
        return self._files.lstat(path).size

    def room(self, size: int, there: int = 0) -> None:
        """Make sure that a file of so many bytes leaves the device its reserve.

        Args:
            size: of the whole file.
            there: bytes of it that lie there already.

        Raises:
            NoRoom: it does not.
            OSError: nobody can tell.
        """
        free, needed = self._files.free(self.folder), size - there + RESERVE_BYTES
        if free < needed:
            raise NoRoom(
                f"an update of {size} bytes needs {needed} free bytes in"
                f" {self.folder}, there are {free}"
            )

    def seal(self, draft: Draft, *, size: int, sha256: str) -> str:
        """Have it complete and on the disk, as it was published, runnable by this machine.

        Returns:
            Its path: run it with `-version` before it is staged.

        Raises:
            Damaged: it is not what was published; fetching it again may help.
            NotForThisMachine: it is what was published, and will never run here: blocked.
            OSError: the disk does not take it.
        """
        try:
            self._seal(draft.file, size, sha256)
        except BaseException:
            draft.discard()
            raise
        draft.file.close()
        return draft.path

    def stage(self, draft: Draft, version: str, sha256: str) -> str:
        """Give a sealed file its name. It is complete there, and nobody's yet.

        Returns:
            Its path.

        Raises:
            NameTaken: the name is in use for something else.
            OSError: it has its old name.
        """
        path = f"{self.folder}/{version_file(version)}"
        self._ledger.in_use.add(version_file(version))
        if self.have(version, sha256):
            draft.discard()
            return path
        self.demand_name(version)
        self._drop_namesake(version_file(version))
        self._files.rename(draft.path, path)
        self.drafts.staged(sha256)
        self._files.fsync(self.folder)
        self._files.fsync(f"{self.folder}/{DOWNLOADS}")
        return path

    def schedule(
        self,
        version: str,
        sha256: str,
        size: int,
        *,
        brought: bool = False,
        after: Callable[[Trial], bool] = lambda _: False,
    ) -> bool:
        """Have it tried at the next start. What was to be tried before is superseded.

        Args:
            version: of the file that is staged.
            sha256: of it.
            size: of it, in bytes.
            brought: a person brought it; see `Trial`.
            after: whether what waits already goes first.

        Returns:
            False when it will not be: this process has no say here, it is blocked, it runs, or
            something else goes first.

        Raises:
            OSError: nothing is scheduled.
        """
        file = version_file(version)
        if self._seat.role is not Role.PROVEN or file == self._seat.own:
            return False
        trial = Trial(
            file=file, version=version, sha256=sha256, size=size, kind=UPDATE, brought=brought
        )

        def scheduled(state: State) -> State:
            known = state.trial
            if state.block_of(sha256) is not None:
                return state
            if known is not None and (known.sha256, known.file) == (sha256, file):
                # Its strikes and its soak are its own.
                return replace(state, trial=replace(known, brought=known.brought or brought))
            if known is not None and after(known):
                return state
            return judge.scheduled(state, trial)

        known = self._ledger.change(scheduled).trial
        return known is not None and known.sha256 == sha256

    def withdraw(self, is_offered: Callable[[str], bool] = lambda _: False) -> str:
        """What waits for its trial was taken back: it is not tried.

        A trial that somebody ordered, of a file that was brought too, or whose attempt is open, is
        left alone.

        Args:
            is_offered: whether a version was not taken back, only is not for this device now.

        Returns:
            Its version, empty when nothing waited.

        Raises:
            OSError: it waits still.
        """
        gone = ""

        def withdrawn(state: State) -> State:
            nonlocal gone
            trial = state.trial
            if trial is None or trial.kind != UPDATE or trial.brought or trial.attempt is not None:
                return state
            if is_offered(trial.version):
                return state
            gone = trial.version
            return judge.dropped(state)

        if self._seat.role is Role.PROVEN:
            self._ledger.change(withdrawn)
        return gone

    def block(self, sha256: str, version: str, why: str) -> None:
        """It must not come back: no executable for this machine, or another version than it says.

        Raises:
            OSError: it is blocked until the process ends only if the disk says so later.
        """
        self._ledger.change(lambda state: judge.blocked(state, sha256, version, why))

    def is_whole_only(self, sha256: str) -> bool:
        """Whether the short way to this digest led nowhere here."""
        return sha256 in self._ledger.state.whole

    def whole_only(self, sha256: str) -> None:
        """The short way to this digest leads nowhere here.

        Raises:
            OSError: it is tried again.
        """

        def noted(state: State) -> State:
            kept = tuple(each for each in state.whole if each != sha256)
            return replace(state, whole=(*kept, sha256)[-MOST_BLOCKED:])

        self._ledger.change(noted)

    def unblock(self, sha256: str) -> None:
        """A person ordered that it may come back.

        Raises:
            OSError: it stays blocked.
        """
        self._ledger.change(lambda state: judge.unblocked(state, sha256))

    def tidy(self, keep: str = "") -> None:
        """Drop what lies in `downloads/`, but for what came of the file with this digest."""
        with suppress(OSError):
            drafts.tidy(self._files, self.folder, self._ledger, keep)

    def _seal(self, file: NewFile, size: int, sha256: str) -> None:
        file.fsync()
        if file.size() != size:
            raise Damaged(f"{file.size()} bytes came, {size} were published")
        digest = hashlib.sha256()
        offset = 0
        while chunk := file.read(offset, _CHUNK):
            digest.update(chunk)
            offset += len(chunk)
        if digest.hexdigest() != sha256:
            raise Damaged(f"its digest is {digest.hexdigest()}, not {sha256}")
        foreign = elf.fault(file.read(0, elf.HEADER), self._arch)
        if foreign:
            with suppress(OSError):
                self.block(sha256, "", foreign)
            raise NotForThisMachine(f"what was published does not run here: {foreign}")
        file.chmod(MODE)
        file.utime(OLDEST)
        file.fsync()

    def demand_name(self, version: str) -> None:
        """The name may be taken by a file that nobody names; a link or a named one is in the way.

        Raises:
            NameTaken: it is.
        """
        file = version_file(version)
        try:
            kind = self._files.lstat(f"{self.folder}/{file}").kind
        except FileNotFoundError:
            return
        known = links.look(self._files, self.folder)
        held = {known.active, known.previous, known.latest, self._seat.own}
        if kind is not Kind.FILE:
            raise NameTaken(f"{file} is no file")
        if file in held:
            raise NameTaken(f"{file} is in use and has another digest than what was published")

    def _drop_namesake(self, file: str) -> None:
        """Republished under the same version: the old one is no trial any more."""
        trial = self._ledger.state.trial
        if trial is not None and trial.file == file:
            self._ledger.change(judge.dropped)
