"""From a release to a staged file: steps "D download" and "D stage" of an update.

Its digest is known before: one that is blocked or staged already is not fetched. The file
is stored under its digest where nobody looks for versions, verified as it lies on the disk, run
once with `-version`, and only then given its name. Whatever goes wrong before that leaves nothing.

What has the right checksum and still is no executable for this machine, or says another version, is
blocked at once: fetching it again cannot mend it. Whether a file or the machine is at fault when it
does not even say its version, our own file tells, asked the same: a lack of memory hits both.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn, ParamSpec, TypeVar

from reagent import log
from reagent.contracts.clock import Clock
from reagent.contracts.downloads import Download, Downloads
from reagent.contracts.files import Files
from reagent.contracts.processes import Outcome, Processes
from reagent.errors import (
    BadRelease,
    BadVersion,
    Blocked,
    Damaged,
    Failed,
    NoRoom,
    NotForThisMachine,
    NotFound,
    ReagentError,
    StagingFailed,
)
from reagent.updates.catalogue import Difference, Release
from reagent.updates.semver import Version
from reagent.updates.shortcut import Shortcut
from reagent.updates.staging import Draft, Staging
from reagent.updates.vocabulary import version_file

_log = log.get(__name__)

Progress = Callable[[int, int, int], Awaitable[None]]
"""Told the bytes that just came, those so far, and those of the whole file."""

# The slowest board unpacks and starts an interpreter in a tenth of this.
SAYS_VERSION_WITHIN_S: Final = 30.0
_BAD_LIBRARY: Final[int] = getattr(errno, "ELIBBAD", errno.ENOEXEC)  # Windows has none
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_EXECUTABLE: Final = frozenset({errno.ENOEXEC, _BAD_LIBRARY, errno.EINVAL})
# Another thread's child holds the file open for writing until it runs its own program.
_BUSY_TRIES: Final = 5
_BUSY_PAUSE_S: Final = 0.2
# The signal by which the kernel takes memory back.
_KILLED: Final = 9

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A version that lies in its place and can be tried.

    Attributes:
        fetched: it was downloaded just now.
    """

    version: str
    sha256: str
    size: int
    fetched: bool


class Fetch:
    """Gets versions onto the disk, one at a time.

    Args:
        downloads: the bucket.
        staging: the folder where versions are put.
        files: reads in that folder.
        processes: runs a file once.
        clock: time.
        control: runs our own file with `-version`; empty where that cannot be asked.
        rate: bytes a second that a download takes at most; 0 for as many as come.
    """

    def __init__(
        self,
        downloads: Downloads,
        staging: Staging,
        files: Files,
        processes: Processes,
        clock: Clock,
        *,
        control: Sequence[str],
        rate: float = 0.0,
    ) -> None:
        self._downloads = downloads
        self._staging = staging
        self._files = files
        self._processes = processes
        self._clock = clock
        self._control = control
        self._rate = rate

    async def take(
        self,
        release: Release,
        progress: Progress,
        *,
        below_floor: bool = False,
        shortcut: Shortcut | None = None,
        known: Difference | None = None,
    ) -> Staged:
        """Have a version staged.

        Args:
            release: what is wanted.
            progress: told of every block.
            below_floor: it may be lower than what ran here before: somebody signed for that.
            shortcut: makes it out of the version that runs, where that is known.
            known: the short way.

        Raises:
            Blocked: it was tried here, and is not wanted again.
            BadRelease: what lies in the bucket is of no use; some kinds are blocked by that.
            DownloadFailed: it does not come.
            NoRoom: the disk is too full.
            StagingFailed: the folder cannot be written to, or nothing can be run in it.
        """
        version, digest = Version.parse(release.version), release.sha256
        await self._demand_not_blocked(digest)
        if not below_floor:
            await self._demand_upwards(version)
        size = await self._staged_size(str(version), digest)
        if size is not None:
            return Staged(version=str(version), sha256=digest, size=size, fetched=False)

        async def is_it(path: str) -> Version:
            await self._demand_version(path, version, digest)
            return version

        made = await shortcut.to(release, known) if shortcut is not None else None
        if shortcut is not None and made is not None:
            try:
                return await self._fetch(made, digest, progress, is_it, str(version))
            except Damaged as error:
                await shortcut.led_nowhere(release, error)
        async with self._downloads.file(release.url) as download:
            if release.size not in {None, download.length}:
                raise Damaged(
                    f"{release.url} has {download.length} bytes, {release.size} were published"
                )
            return await self._fetch(
                download, digest, progress, is_it, str(version), rate=self._rate
            )

    async def adopt(
        self, download: Download, digest: str, demand: Callable[[Version], None], progress: Progress
    ) -> Staged:
        """Have a file staged that somebody brings: it says itself which version it is.

        Args:
            download: the file.
            digest: of the file, from whoever is trusted.
            demand: raises `BadRelease` for a version that is not wanted; nothing else holds one
                back that is below what ran here before.
            progress: told of every block.

        Raises:
            ReagentError: as `take`; and what `demand` raises.
        """
        await self._demand_not_blocked(digest)

        async def wanted(path: str) -> Version:
            version = await self._says(path, "", digest)
            demand(version)
            return version

        return await self._fetch(download, digest, progress, wanted, "")

    async def _demand_not_blocked(self, digest: str) -> None:
        why = await _in_thread(self._staging.blocked, digest)
        if why is not None:
            raise Blocked(why)

    async def _demand_upwards(self, version: Version) -> None:
        floor = await _in_thread(self._staging.floor)
        with suppress(BadVersion):
            if Version.parse(floor).is_above(version):
                raise BadRelease(f"version {version} is below {floor}, which ran here before")

    async def _staged_size(self, version: str, digest: str) -> int | None:
        if not await _in_thread(self._staging.have, version, digest):
            return None
        path = f"{self._staging.folder}/{version_file(version)}"
        with suppress(OSError):
            return (await _in_thread(self._files.lstat, path)).size
        return None

    async def _fetch(
        self,
        download: Download,
        digest: str,
        progress: Progress,
        judge: Callable[[str], Awaitable[Version]],
        expected: str,
        *,
        rate: float = 0.0,
    ) -> Staged:
        """Args: judge: tells which version a sealed file is; expected: what it should be.

        What is on this device already has no rate to keep to.
        """
        size = download.length
        try:
            await _in_thread(self._staging.room, size)
            draft = await self._write(download, digest, progress, rate)
            try:
                path = await self._seal(draft, expected, size=size, digest=digest)
                version = str(await judge(path))
                await _in_thread(self._staging.stage, draft, version, digest)
            finally:
                await _in_thread(draft.discard)
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _FULL:
                raise NoRoom(f"{self._staging.folder}: {reason}") from error
            raise StagingFailed(f"{self._staging.folder}: {reason}") from error
        _log.info("version staged", version=version, bytes=size, sha256=digest)
        return Staged(version=version, sha256=digest, size=size, fetched=True)

    async def _write(
        self, download: Download, digest: str, progress: Progress, rate: float
    ) -> Draft:
        draft = await self._open(digest)
        began, taken = self._clock.monotonic(), 0
        try:
            arrived = 0
            async for block in download.blocks():
                if block.offset < arrived:
                    await _in_thread(draft.discard)
                    draft = await self._open(digest)
                await _in_thread(draft.write, block.content)
                came = len(block.content)
                arrived = block.offset + came
                taken += came
                await progress(came, arrived, download.length)
                if rate:  # others use this line, too
                    spent = self._clock.monotonic() - began
                    await self._clock.sleep(max(taken / rate - spent, 0.0))
        except BaseException:
            await _in_thread(draft.discard)
            raise
        return draft

    async def _open(self, digest: str) -> Draft:
        opening = asyncio.ensure_future(asyncio.to_thread(self._staging.open, digest))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait((opening,))
            if not opening.cancelled() and opening.exception() is None:
                opening.result().discard()
            raise

    async def _seal(self, draft: Draft, version: str, *, size: int, digest: str) -> str:
        try:
            return await _in_thread(self._staging.seal, draft, size=size, sha256=digest)
        except NotForThisMachine as error:
            await self._block(digest, version, str(error))

    async def _demand_version(self, path: str, version: Version, digest: str) -> None:
        said = await self._says(path, str(version), digest)
        if said != version:
            await self._block(digest, str(version), f"it says that it is version {str(said)!r}")

    async def _says(self, path: str, version: str, digest: str) -> Version:
        """Run it once and let it say its version; a file that is to blame is blocked."""
        try:
            outcome = await self._run((path, "-version"))
        except (NotFound, Failed) as error:
            number = _number_of(error)
            if number in _NO_EXECUTABLE or isinstance(error, NotFound):
                await self._block(digest, version, "it is no executable for this machine")
            raise StagingFailed(f"it cannot be run in {self._staging.folder}: {error}") from error
        if outcome.status == 0:
            said = outcome.stdout.strip()
            with suppress(BadVersion):
                return Version.parse(said)
            await self._block(digest, version, f"it says that it is version {said[:40]!r}")
        ended = _ended(outcome)
        if not _lacked_memory(outcome) and await self._are_we_well():
            await self._block(digest, version, f"asked for its version, it {ended}")
        raise StagingFailed(f"asked for its version, it {ended}; that may be this machine's fault")

    async def _block(self, digest: str, version: str, why: str) -> NoReturn:
        try:
            await _in_thread(self._staging.block, digest, version, why)
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


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """File work that is over before a cancellation goes on.

    Else a file would be closed under a write, which would go wherever its number went.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise
