"""Running programs on Windows: each in a job of its own, all of them in one that ends with us.

A program's own job is entered a moment after its start, so what it begins in that moment is not in
it: that ends with this process, whose job everything that it begins is in from the first.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final, Protocol

from reagent.adapters.programs import Programs

# CREATE_NEW_PROCESS_GROUP, so that Ctrl-C is for us alone; CREATE_NO_WINDOW.
_FLAGS: Final = 0x00000200 | 0x08000000


class Jobs(Protocol):
    """What `windows.kernel` knows of jobs."""

    def make_job(self) -> int:
        """See there."""
        ...

    def put_into_job(self, job: int, process: int, /) -> None:
        """See there."""
        ...

    def end_job(self, job: int, /) -> None:
        """See there."""
        ...

    def close(self, handle: int, /) -> None:
        """See there."""
        ...


class Job:
    """Implements `adapters.beside.Group`.

    A program without windows cannot be asked to end, so asking ends it as well.
    """

    options: Final = {"creationflags": _FLAGS}

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._leader = 0
        self._job = 0

    def __del__(self) -> None:
        if self._job:
            self._jobs.close(self._job)

    def hold(self, leader: int) -> None:
        """See the protocol. A system without jobs ends the program alone."""
        self._leader = leader
        with suppress(OSError):
            self._job = self._jobs.make_job()
            self._jobs.put_into_job(self._job, leader)

    def end(self, *, force: bool) -> None:
        """See the protocol."""
        del force
        if self._job:
            self._jobs.end_job(self._job)
        elif self._leader:
            with suppress(OSError):
                os.kill(self._leader, signal.SIGTERM)


class WindowsProcesses(Programs):
    """Implements `contracts.processes.Processes`."""

    def __init__(self) -> None:
        from reagent.adapters.windows import kernel  # noqa: PLC0415 - on Windows alone

        kernel.enclose()
        super().__init__(lambda: Job(kernel))
