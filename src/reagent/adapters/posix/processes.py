"""Running programs on POSIX: each leads a session of its own."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final

from reagent.adapters.programs import Programs


class Session:
    """Implements `adapters.beside.Group`. It outlives its leader, whose number is then nobody's."""

    options: Final = {"start_new_session": True}

    def __init__(self) -> None:
        self._leader = 0

    def hold(self, leader: int) -> None:
        """See the protocol."""
        self._leader = leader

    def end(self, *, force: bool) -> None:
        """See the protocol."""
        if self._leader:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._leader, signal.SIGKILL if force else signal.SIGTERM)


class PosixProcesses(Programs):
    """Implements `contracts.processes.Processes`."""

    def __init__(self) -> None:
        super().__init__(Session)
