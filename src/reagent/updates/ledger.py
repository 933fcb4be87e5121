"""`updates.json` on the disk: read once, put whole, by the one process that has the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from reagent.contracts.files import Files
from reagent.updates import moves
from reagent.updates.state import LARGEST, State, decode, encode
from reagent.updates.vocabulary import LEDGER

# Where a folder that stands in the way of the file goes.
_ASIDE: Final = ".updates.aside"


class Ledger:
    """The state, as the disk has it. Threads may share it.

    Attributes:
        in_use: names that this process is just making; nothing tidies them away.
    """

    def __init__(self, files: Files, folder: str) -> None:
        self.in_use: set[str] = set()
        self._files = files
        self._folder = folder
        self._path = f"{folder}/{LEDGER}"
        # Re-entrant for the signal handler of an early stop, which never returns.
        self._mutex = threading.RLock()
        self._state: State | None = None

    @property
    def state(self) -> State:
        """What it says; read the first time, and never an error."""
        with self._mutex:
            return self._known()

    def put(self, state: State) -> None:
        """Have this on the disk.

        Raises:
            OSError: the disk has what it had.
        """
        with self._mutex:
            self._put(state)

    def change(self, change: Callable[[State], State]) -> State:
        """Put what `change` makes of the state; nothing is written when it makes the same.

        Raises:
            OSError: the disk has what it had.
        """
        with self._mutex:
            before = self._known()
            after = change(before)
            if after != before:
                self._put(after)
            return after

    def _known(self) -> State:
        if self._state is None:
            self._state = self._read()
        return self._state

    def _read(self) -> State:
        try:
            content = self._files.read(self._path, LARGEST)
        except FileNotFoundError:
            return State(absent=True)
        except OSError as error:
            return State(spoiled=error.strerror or str(error))
        return decode(content)

    def _put(self, state: State) -> None:
        content = encode(state)
        try:
            moves.put(self._files, self._path, content)
        except IsADirectoryError:
            self._move_folder_aside()
            moves.put(self._files, self._path, content)
        self._state = decode(content)

    def _move_folder_aside(self) -> None:
        for number in range(100):
            with suppress(OSError):
                self._files.rename(self._path, f"{self._folder}/{_ASIDE}{number}")
                return
