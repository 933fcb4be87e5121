"""From a release to a staged file: steps "D download" and "D stage" of an update.

Its digest is known before: one that is blocked or staged already is not fetched. The file
is stored under its digest where nobody looks for versions, verified as it lies on the disk, run
once with `-version`, and only then given its name. Whatever goes wrong before that leaves nothing,
except a download that breaks off: the next one goes on there, in another process too. If what comes
of that is not the release, it is fetched from its beginning, once.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from reagent import log
from reagent.aio.threads import in_thread
from reagent.contracts.clock import Clock
from reagent.contracts.downloads import Block, Download, Downloads, Part
from reagent.errors import (
    BadRelease,
    BadVersion,
    Blocked,
    Damaged,
    NoRoom,
    NotForThisMachine,
    StagingFailed,
)
from reagent.updates.asking import Asking
from reagent.updates.catalogue import Difference, Release
from reagent.updates.drafts import Draft
from reagent.updates.semver import Version
from reagent.updates.shortcut import Shortcut
from reagent.updates.staging import Staging

_log = log.get(__name__)

Progress = Callable[[int, int, int], Awaitable[None]]
"""Told the bytes that just came, those so far, and those of the whole file."""

# A power cut takes back what came since; on a fast line nothing is written twice for it.
SETTLE_EVERY_S: Final = 15.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be staged.

    Attributes:
        release: the version, and how to tell that a file is it.
        way: makes it out of the version that runs; None where nobody knows a short way.
        below_floor: it may be lower than what ran here before: somebody signed for that.
    """

    release: Release
    way: Difference | None = None
    below_floor: bool = False


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


@dataclass(frozen=True, slots=True)
class _Task:
    """One file on its way to its place.

    Attributes:
        expected: the version it goes by, empty where it goes by none.
        judge: tells which version a sealed file is; raises for what is not wanted.
    """

    digest: str
    expected: str
    judge: Callable[[str], Awaitable[Version]]
    progress: Progress


class _Spoiled(Damaged):
    """What an earlier process left is not the beginning of this file."""


class _AllThere:
    """Implements `contracts.downloads.Download` for a part that is the whole."""

    mark = ""

    def __init__(self, part: Part) -> None:
        self.begins = self.length = part.length

    async def blocks(self) -> AsyncIterator[Block]:
        """See the contract."""
        nothing: tuple[Block, ...] = ()
        for block in nothing:
            yield block


class Fetch:
    """Gets versions onto the disk, one at a time.

    Args:
        downloads: the bucket.
        staging: the folder where versions are put.
        asking: has a file say which version it is.
        clock: time.
        shortcut: makes versions out of the one that runs; None where that cannot be.
        rate: bytes a second that a download takes at most; 0 for as many as come.
    """

    def __init__(
        self,
        downloads: Downloads,
        staging: Staging,
        asking: Asking,
        clock: Clock,
        *,
        shortcut: Shortcut | None = None,
        rate: float = 0.0,
    ) -> None:
        self._downloads = downloads
        self._staging = staging
        self._asking = asking
        self._clock = clock
        self._shortcut = shortcut
        self._rate = rate

    async def take(self, wanted: Wanted, progress: Progress) -> Staged:
        """Have a version staged.

        Args:
            wanted: which.
            progress: told of every block.

        Raises:
            Blocked: it was tried here, and is not wanted again.
            BadRelease: what lies in the bucket is of no use; some kinds are blocked by that.
            DownloadFailed: it does not come.
            NameTaken: another file of its name is in use.
            NoRoom: the disk is too full.
            StagingFailed: the folder cannot be written to, or nothing can be run in it.
        """
        release = wanted.release
        version, digest = Version.parse(release.version), release.sha256
        await in_thread(self._staging.tidy, digest)
        await self._demand_not_blocked(digest)
        if not wanted.below_floor:
            await self._demand_upwards(version)
        size = await in_thread(self._staging.size_of, str(version), digest)
        if size is not None:
            return Staged(version=str(version), sha256=digest, size=size, fetched=False)
        await self._demand_name(str(version))

        async def is_it(path: str) -> Version:
            await self._asking.demand(path, version, digest)
            return version

        task = _Task(digest, str(version), is_it, progress)
        shortcut = self._shortcut
        made = await shortcut.to(release, wanted.way) if shortcut is not None else None
        if shortcut is not None and made is not None:
            try:
                return await self._put(made, task)
            except Damaged as error:
                await shortcut.led_nowhere(release, error)
        return await self._whole(release, task)

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
        await in_thread(self._staging.tidy, digest)
        await self._demand_not_blocked(digest)

        async def wanted(path: str) -> Version:
            version = await self._asking.version_of(path, digest)
            demand(version)
            return version

        return await self._put(download, _Task(digest, "", wanted, progress))

    async def _demand_not_blocked(self, digest: str) -> None:
        why = await in_thread(self._staging.blocked, digest)
        if why is not None:
            raise Blocked(why)

    async def _demand_upwards(self, version: Version) -> None:
        floor = await in_thread(self._staging.floor)
        with suppress(BadVersion):
            if Version.parse(floor).is_above(version):
                raise BadRelease(f"version {version} is below {floor}, which ran here before")

    async def _demand_name(self, version: str) -> None:
        try:
            await in_thread(self._staging.demand_name, version)
        except OSError as error:
            raise StagingFailed(f"{self._staging.folder}: {error.strerror or error}") from error

    async def _whole(self, release: Release, task: _Task) -> Staged:
        part = await in_thread(self._staging.drafts.part, task.digest, release.size)
        if part is not None:
            try:
                return await self._behind(part, release, task)
            except _Spoiled as error:
                _log.warning("what came before is of no use", version=task.expected, error=error)
        return await self._behind(None, release, task)

    async def _behind(self, part: Part | None, release: Release, task: _Task) -> Staged:
        """Fetch what is not there yet."""
        if part is not None and part.size == part.length:
            return await self._put(_AllThere(part), task)
        async with self._downloads.file(release.url, part=part) as download:
            if release.size not in {None, download.length}:
                raise Damaged(
                    f"{release.url} has {download.length} bytes, {release.size} were published"
                )
            return await self._put(download, task, self._rate)

    async def _put(self, download: Download, task: _Task, rate: float = 0.0) -> Staged:
        """Write it, seal it, name it. What is on this device already has no rate to keep to."""
        size = download.length
        try:
            await in_thread(self._staging.room, size, download.begins)
            draft = await self._write(download, task, rate)
            try:
                path = await self._seal(draft, task, size)
                version = str(await task.judge(path))
                await in_thread(self._staging.stage, draft, version, task.digest)
            finally:
                await in_thread(draft.discard)
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _FULL:
                raise NoRoom(f"{self._staging.folder}: {reason}") from error
            raise StagingFailed(f"{self._staging.folder}: {reason}") from error
        _log.info("version staged", version=version, bytes=size, sha256=task.digest)
        return Staged(version=version, sha256=task.digest, size=size, fetched=True)

    async def _write(self, download: Download, task: _Task, rate: float) -> Draft:
        draft = await self._begun(download, task, download.begins)
        began = settled = self._clock.monotonic()
        taken, arrived = 0, download.begins
        try:
            async for block in download.blocks():
                if block.offset < arrived:
                    await in_thread(draft.discard)
                    draft = await self._begun(download, task, 0)
                await in_thread(draft.write, block.content)
                came = len(block.content)
                arrived = block.offset + came
                taken += came
                await task.progress(came, arrived, download.length)
                now = self._clock.monotonic()
                if now - settled >= SETTLE_EVERY_S:
                    await in_thread(draft.settle)
                    settled = now
                if rate:  # others use this line, too
                    await self._clock.sleep(max(taken / rate - (now - began), 0.0))
        except OSError:
            await in_thread(draft.discard)
            raise
        except BaseException:
            await in_thread(draft.leave)
            raise
        return draft

    async def _begun(self, download: Download, task: _Task, found: int) -> Draft:
        """A draft to write to, behind what is there of it."""
        drafts, digest = self._staging.drafts, task.digest
        if not found:
            begin = partial(drafts.open, digest, mark=download.mark, length=download.length)
            return await _opened(begin)
        _log.info("download goes on", version=task.expected, bytes=found, of=download.length)
        try:
            return await _opened(partial(drafts.resume, digest, found))
        except Damaged as error:
            raise _Spoiled(str(error)) from error

    async def _seal(self, draft: Draft, task: _Task, size: int) -> str:
        try:
            return await in_thread(self._staging.seal, draft, size=size, sha256=task.digest)
        except NotForThisMachine as error:
            await self._asking.block(task.digest, task.expected, str(error))
        except Damaged as error:
            if draft.found:
                raise _Spoiled(str(error)) from error
            raise


async def _opened(begin: Callable[[], Draft]) -> Draft:
    opening = asyncio.ensure_future(asyncio.to_thread(begin))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait((opening,))
        if not opening.cancelled() and opening.exception() is None:
            opening.result().leave()
        raise
