"""Which version a sealed file is, by its own word, and whose fault it is when it has none.

What has the right checksum and still is no executable for this machine, or says another version, is
blocked at once: fetching it again cannot mend it. Whether a file or the machine is at fault when it
does not even say its version, our own file tells, asked the same: a lack of memory hits both.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from reagent import log
from reagent.aio.threads import in_thread
from reagent.contracts.clock import Clock
from reagent.contracts.processes import Outcome, Processes
from reagent.errors import (
    BadVersion,
    Failed,
    NotForThisMachine,
    NotFound,
    ReagentError,
    StagingFailed,
)
from reagent.updates.semver import Version
from reagent.updates.staging import Staging

_log = log.get(__name__)

# The slowest board unpacks and starts an interpreter in a tenth of this.
SAYS_VERSION_WITHIN_S: Final = 30.0
_BAD_LIBRARY: Final[int] = getattr(errno, "ELIBBAD", errno.ENOEXEC)  # Windows has none
_NO_EXECUTABLE: Final = frozenset({errno.ENOEXEC, _BAD_LIBRARY, errno.EINVAL})
# Another thread's child holds the file open for writing until it runs its own program.
_BUSY_TRIES: Final = 5
_BUSY_PAUSE_S: Final = 0.2
# The signal by which the kernel takes memory back.
_KILLED: Final = 9


class Asking:
    """Runs files with `-version`; those that are to blame for what comes of it are blocked.

    Args:
        processes: runs a file once.
        staging: where files are, and the list of the blocked.
        clock: time.
        control: runs our own file with `-version`; empty where that cannot be asked.
    """

    def __init__(
        self, processes: Processes, staging: Staging, clock: Clock, control: Sequence[str]
    ) -> None:
        self._processes = processes
        self._staging = staging
        self._clock = clock
        self._control = control

    async def demand(self, path: str, version: Version, digest: str) -> None:
        """Have a file say that it is this version.

        Raises:
            NotForThisMachine: it does not, and never will: blocked.
            StagingFailed: it does not, and that may be this machine's fault.
        """
        said = await self.version_of(path, digest, str(version))
        if said != version:
            await self.block(digest, str(version), f"it says that it is version {str(said)!r}")

    async def version_of(self, path: str, digest: str, expected: str = "") -> Version:
        """What a file says.

        Args:
            path: of the sealed file.
            digest: of it.
            expected: the version it goes by, where it goes by one.

        Raises:
            NotForThisMachine: it says none, and never will: blocked.
            StagingFailed: it says none, and that may be this machine's fault.
        """
        try:
            outcome = await self._run((path, "-version"))
        except (NotFound, Failed) as error:
            number = _number_of(error)
            if number in _NO_EXECUTABLE or isinstance(error, NotFound):
                await self.block(digest, expected, "it is no executable for this machine")
            raise StagingFailed(f"it cannot be run in {self._staging.folder}: {error}") from error
        if outcome.status == 0:
            said = outcome.stdout.strip()
            with suppress(BadVersion):
                return Version.parse(said)
            await self.block(digest, expected, f"it says that it is version {said[:40]!r}")
        ended = _ended(outcome)
        if not _lacked_memory(outcome) and await self._are_we_well():
            await self.block(digest, expected, f"asked for its version, it {ended}")
        raise StagingFailed(f"asked for its version, it {ended}; that may be this machine's fault")

    async def block(self, digest: str, version: str, why: str) -> NoReturn:
        """Have it never come back.

        Raises:
            NotForThisMachine: always; also where the disk does not take it.
        """
        try:
            await in_thread(self._staging.block, digest, version, why)
        except OSError as error:
            _log.warning("a blocked version cannot be written down", error=error)
        raise NotForThisMachine(f"version {version or digest[:12]} is blocked: {why}")

    async def _are_we_well(self) -> bool:
        if not self._control:
            return True
        try:
            outcome = await self._run(self._control)
        except ReagentError:
            return False
        return outcome.status == 0

    async def _run(self, command: Sequence[str]) -> Outcome:
        for _ in range(_BUSY_TRIES):
            try:
                return await self._processes.run(command, within=SAYS_VERSION_WITHIN_S)
            except Failed as error:
                if _number_of(error) != errno.ETXTBSY:
                    raise
            await self._clock.sleep(_BUSY_PAUSE_S)
        return await self._processes.run(command, within=SAYS_VERSION_WITHIN_S)


def _number_of(error: ReagentError) -> int | None:
    cause = error.__cause__
    return cause.errno if isinstance(cause, OSError) else None


def _lacked_memory(outcome: Outcome) -> bool:
    said = any(words in outcome.stderr for words in ("MemoryError", "Cannot allocate memory"))
    return said or outcome.status == -_KILLED


def _ended(outcome: Outcome) -> str:
    if outcome.status < 0:
        return f"was ended by signal {-outcome.status}"
    last = outcome.stderr.strip().splitlines()[-1:]
    return f"ended with {outcome.status}" + "".join(f" ({line[:100]})" for line in last)
