"""What a device keeps of a signed bucket: the verified metadata, and what it has seen.

    trust.json      the metadata, all of it in one file: put whole, or not at all
    updates.json    the record, see `record`

Every process reads them once. Where nothing can be written (a read-only folder, a full disk) or may
be (a version on trial), it goes by what it has seen itself.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

from reagent import log
from reagent.contracts.files import Files
from reagent.contracts.trust import SNAPSHOT, TARGETS, TIMESTAMP, Chain
from reagent.updates import moves
from reagent.updates.ledger import Ledger
from reagent.updates.trust import record as records
from reagent.updates.trust.record import Record

_log = log.get(__name__)

FILE: Final = "trust.json"
FORMAT: Final = 1
LARGEST: Final = 8 * 1024 * 1024
_MODE: Final = 0o644


class Memory:
    """File work of milliseconds; belongs into a thread, one at a time.

    Args:
        files: the disk.
        folder: where both files lie.
        ledger: of that folder.
        writes: what is learnt may be written down.
    """

    def __init__(self, files: Files, folder: str, ledger: Ledger, *, writes: bool) -> None:
        self._files = files
        self._path = f"{folder}/{FILE}"
        self._ledger = ledger
        self._writes = writes
        self._chain: Chain | None = None
        self._record: Record | None = None

    @property
    def chain(self) -> Chain:
        """The metadata that was verified last; nothing, where that is torn or was never there."""
        if self._chain is None:
            self._chain = self._read()
        return self._chain

    @property
    def record(self) -> Record:
        """What was seen."""
        if self._record is None:
            self._record = records.of(self._ledger.state)
        return self._record

    def keep(self, chain: Chain, record: Record) -> None:
        """Remember this; the record first, so that a cut leaves no newer metadata than it knows."""
        self.note(record)
        if chain == self.chain:
            return
        self._chain = chain
        if self._writes:
            try:
                moves.put(self._files, self._path, encode(chain), _MODE)
            except OSError as error:
                _log.warning("verified metadata cannot be kept", path=self._path, error=error)

    def let_go(self) -> None:
        """Until the next look the disk has it; where it has not, we go on holding it."""
        if self._chain is not None and self._read() == self._chain:
            self._chain = None

    def note(self, record: Record) -> None:
        """Remember this record."""
        if record == self.record:
            return
        self._record = record
        if self._writes:
            try:
                self._ledger.change(lambda state: records.within(state, record))
            except OSError as error:
                _log.warning("what was seen of the bucket cannot be written down", error=error)

    def _read(self) -> Chain:
        with suppress(OSError):
            return decode(self._files.read(self._path, LARGEST))
        return Chain()


def encode(chain: Chain) -> bytes:
    """The file's content."""
    document: dict[str, object] = {
        "format": FORMAT,
        "roots": {str(number): _text(content) for number, content in chain.roots.items()},
        **{name: _text(content) for name, content in chain.others.items()},
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def decode(content: bytes) -> Chain:
    """What this content means; never fails. What is in it is verified again before it counts."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return Chain()
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return Chain()
    roots = document.get("roots")
    pairs = roots.items() if isinstance(roots, dict) else ()
    return Chain(
        {
            int(number): text.encode("utf-8", "surrogatepass")
            for number, text in pairs
            if number.isascii() and number.isdigit() and len(number) < 10 and isinstance(text, str)
        },
        {
            name: text.encode("utf-8", "surrogatepass")
            for name in (TIMESTAMP, SNAPSHOT, TARGETS)
            if isinstance(text := document.get(name), str)
        },
    )


def _text(content: bytes) -> str:
    # What was verified is JSON, and that is text.
    return content.decode("utf-8", "replace")
