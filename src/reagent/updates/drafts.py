"""What is on its way, in `downloads/` and nowhere else.

    downloads/<sha256>         the file as far as it came
    downloads/<sha256>.etag    which file at its URL that is the beginning of, and how long that is

The second makes the first worth keeping: with both, a later process goes on where this one stopped.
After a power cut the first may hold anything, zeros included. Nobody asks: the whole is held
against its digest, and what fails there is dropped and fetched from its beginning, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Final

from reagent.contracts.downloads import LARGEST_FILE, Part
from reagent.contracts.files import Files, Kind, NewFile
from reagent.errors import Damaged
from reagent.updates import moves
from reagent.updates.ledger import Ledger
from reagent.updates.vocabulary import DOWNLOADS, SUFFIX

_NOTE: Final = ".etag"
_LONGEST_NOTE: Final = 1024
_MARK: Final = re.compile(r'"[\x21\x23-\x7e]*"', re.ASCII)


class Draft:
    """A file in `downloads/` that is being written.

    Attributes:
        path: its own.
        found: bytes that were there already when this process took it up.
    """

    def __init__(self, drafts: Drafts, sha256: str, file: NewFile, found: int = 0) -> None:
        self._drafts = drafts
        self._sha256 = sha256
        self._file = file
        self.path = drafts.path(sha256)
        self.found = found

    def write(self, content: bytes) -> None:
        """Append.

        Raises:
            OSError: the disk does not take it.
        """
        self._file.write(content)

    def settle(self) -> None:
        """Have on the disk what came so far.

        Raises:
            OSError: it is not there, and nothing may be built on it.
        """
        self._file.fsync()

    def leave(self) -> None:
        """Let it lie for a later process, if one can go on with it; else drop it."""
        if self._drafts.part(self._sha256) is None:
            self.discard()
        else:
            self._file.close()
            self._drafts.let_go(self._sha256)

    def discard(self) -> None:
        """Drop it; safe at any time and twice, and of no effect once it is staged."""
        self._file.close()
        self._drafts.drop(self._sha256)
        self._drafts.let_go(self._sha256)

    @property
    def file(self) -> NewFile:
        """The open file."""
        return self._file


class Drafts:
    """What lies in `downloads/`.

    Args:
        files: the disk.
        folder: where versions are put.
        ledger: is told what is in use.
    """

    def __init__(self, files: Files, folder: str, ledger: Ledger) -> None:
        self._files = files
        self._folder = f"{folder}/{DOWNLOADS}"
        self._in_use = ledger.in_use

    def path(self, sha256: str) -> str:
        """Where a file with this digest is made."""
        return f"{self._folder}/{sha256}{SUFFIX}"

    def open(self, sha256: str, *, mark: str = "", length: int = 0) -> Draft:
        """Begin a file; what an earlier try left is dropped.

        Args:
            sha256: of it.
            mark: as `contracts.downloads.Download` has it.
            length: of the whole, in bytes.

        Raises:
            OSError: it cannot be made.
        """
        self.drop(sha256)
        file = self._files.create(self.path(sha256), 0o600)
        self._in_use.update(_names(sha256))
        draft = Draft(self, sha256, file)
        if mark:
            try:
                self._note(sha256, mark, length)
            except BaseException:
                draft.discard()
                raise
        return draft

    def resume(self, sha256: str, size: int) -> Draft:
        """Go on with a file of which there are so many bytes.

        Raises:
            Damaged: there is something else. It is dropped.
        """
        try:
            file = self._files.append(self.path(sha256))
        except OSError as error:
            self.drop(sha256)
            raise Damaged(f"what is there already cannot be opened: {error}") from error
        self._in_use.update(_names(sha256))
        draft = Draft(self, sha256, file, size)
        if file.size() != size:
            found = file.size()
            draft.discard()
            raise Damaged(f"{found} bytes are there already, not {size}")
        return draft

    def part(self, sha256: str, length: int | None = None) -> Part | None:
        """What a process before left of a file and can be gone on with.

        Args:
            sha256: of the file.
            length: of it, where that is known.
        """
        try:
            note = self._files.read(self._note_path(sha256), _LONGEST_NOTE)
            found = self._files.lstat(self.path(sha256))
        except OSError:
            return None
        part = _read(note, found.size) if found.kind is Kind.FILE else None
        return part if part is not None and length in {None, part.length} else None

    def drop(self, sha256: str) -> None:
        """Have nothing of it; the note goes first, which is worth nothing alone."""
        moves.drop(self._files, self._note_path(sha256))
        moves.drop(self._files, self.path(sha256))

    def staged(self, sha256: str) -> None:
        """The file has its name; nothing is to be gone on with."""
        moves.drop(self._files, self._note_path(sha256))

    def let_go(self, sha256: str) -> None:
        """Nobody writes it any more."""
        self._in_use.difference_update(_names(sha256))

    def _note(self, sha256: str, mark: str, length: int) -> None:
        content = json.dumps({"etag": mark, "length": length}).encode()
        if len(content) > _LONGEST_NOTE:
            return
        # Its fsync of the folder has the name of the file on the disk, too.
        moves.put(self._files, self._note_path(sha256), content, 0o600)

    def _note_path(self, sha256: str) -> str:
        return f"{self._folder}/{sha256}{_NOTE}"


def tidy(files: Files, folder: str, ledger: Ledger, keep: str | None = None) -> list[str]:
    """Drop what lies in `downloads/` and is not being written.

    Args:
        files: the disk.
        folder: where versions are put.
        ledger: knows what is being written.
        keep: the digest of the one file that somebody wants and whose part stays; None: any that
            can be gone on with.

    Returns:
        The names that are gone.

    Raises:
        OSError: there is no such folder.
    """
    place = f"{folder}/{DOWNLOADS}"
    names = files.list(place)
    kept = _pairs(names) if keep is None else _names(keep) & _pairs(names)
    gone = moves.sweep(files, place, names)
    stale = sorted(set(names) - ledger.in_use - kept - moves.TEMPORARY)
    return gone + [name for name in stale if moves.unlinked(files, f"{place}/{name}")]


def _names(sha256: str) -> set[str]:
    return {sha256 + SUFFIX, sha256 + _NOTE}


def _pairs(names: Collection[str]) -> set[str]:
    """Names of files with their notes, and of the notes."""
    digests = (name.removesuffix(_NOTE) for name in names if name.endswith(_NOTE))
    return {each for digest in digests if _names(digest) <= set(names) for each in _names(digest)}


def _read(note: bytes, size: int) -> Part | None:
    """The part of so many bytes that a note belongs to; None where it belongs to none."""
    try:
        said = json.loads(note)
    except (ValueError, RecursionError):
        return None
    mark, length = (said.get("etag"), said.get("length")) if isinstance(said, dict) else (0, 0)
    # It goes into a request as it is.
    if not isinstance(mark, str) or _MARK.fullmatch(mark) is None:
        return None
    if not isinstance(length, int) or not 0 < size <= length <= LARGEST_FILE:
        return None
    return Part(size, length, mark)
