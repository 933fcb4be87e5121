"""The agent's view of the bucket, made when it is first needed.

A start imports nothing of it: not the downloader, not the rules. The first look of a start waits
until the device is connected, or for eight seconds: a version that cannot connect must still be
able to find its successor.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reagent import log
from reagent.aio.threads import in_thread
from reagent.contracts.clock import Clock
from reagent.errors import DeadlineExceeded, Unavailable
from reagent.model.device import Identity
from reagent.updates.seat import Role, Seat
from reagent.updates.vocabulary import DOWNLOADS

if TYPE_CHECKING:  # importing them is what is put off
    from reagent.contracts.deltas import Deltas
    from reagent.contracts.downloads import Brought, Downloads
    from reagent.contracts.processes import Processes
    from reagent.contracts.trust import Attested
    from reagent.updates.catalogue import Catalogue
    from reagent.updates.checks import Checks, HandOver
    from reagent.updates.fetch import Progress, Staged
    from reagent.updates.semver import Version

_log = log.get(__name__)

FIRST_WITHIN_S: Final = 8.0
LATEST_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.5
_SYSTEMS: Final = {"win32": "windows"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What it takes to look, as the composition root makes it on demand.

    Attributes:
        root: what this executable trusts; None: it goes by a plain bucket.
        attested: verifies signed metadata, beginning at that root; where nothing else can be
            written to, it works in that folder.
        synchronised: whether somebody who knows set the clock.
    """

    downloads: Callable[[], Downloads]
    brought: Callable[[], Brought]
    processes: Callable[[], Processes]
    deltas: Callable[[], Deltas]
    root: Callable[[], bytes | None]
    attested: Callable[[bytes, str], Attested]
    synchronised: Callable[[], bool]


class Lookout:
    """Knows the newest version, and gets it when it is told to.

    Args:
        seat: who this process is in the turn of versions.
        outside: makes what is needed.
        clock: time and chance.
        identity: who we are now.
        hand_over: asked for when a version waits for its trial.
        read: told whenever the bucket was read.
        settled: the device is connected.
        remote: `-remoteUpdateURL`.
        automatic: look without being told, too.
        version: ours.
        arch: ours.
        control: runs our own file with `-version`; empty where that cannot be asked.
    """

    def __init__(
        self,
        seat: Seat,
        outside: Outside,
        clock: Clock,
        identity: Callable[[], Identity],
        *,
        hand_over: Callable[[], HandOver],
        read: Callable[[], None],
        settled: Callable[[], bool],
        remote: str,
        automatic: bool,
        version: str,
        arch: str,
        control: Sequence[str],
    ) -> None:
        self._seat = seat
        self._outside = outside
        self._clock = clock
        self._identity = identity
        self._hand_over = hand_over
        self._read = read
        self._settled = settled
        self._remote = remote
        self._automatic = automatic
        self._version = version
        self._arch = arch
        self._control = control
        self._catalogue: Catalogue | None = None
        self._checks: Checks | None = None
        self._making = asyncio.Lock()

    async def latest(self) -> str:
        """The version that is announced for this device; 10 s at most.

        Raises:
            ReagentError: the bucket cannot be read, or announces none, or is not believed.
        """
        try:
            async with asyncio.timeout(LATEST_WITHIN_S):
                return await (await self._known()).latest()
        except TimeoutError as error:
            raise DeadlineExceeded("the bucket does not say in time what is the newest") from error

    async def read_bucket(self) -> None:
        """One small read.

        Raises:
            ReagentError: the bucket cannot be read.
        """
        await self.latest()

    async def order(self, progress: Progress) -> Staged | None:
        """Look now, as somebody asked.

        Args:
            progress: told of every block.

        Returns:
            The version that is staged and will be tried; None where there is nothing newer.

        Raises:
            ReagentError: why there is none.
        """
        return await (await self._looks()).order(progress)

    async def fetch(self, progress: Progress) -> bool:
        """As `order`; whether a newer version was downloaded by that."""
        staged = await self.order(progress)
        return staged is not None and staged.fetched

    async def apply(
        self, path: str, demand: Callable[[Version], None], progress: Progress
    ) -> Staged:
        """Stage a file of this device, as somebody brought it.

        Args:
            path: absolute.
            demand: raises for a version that is not wanted.
            progress: told of every block.

        Raises:
            ReagentError: why it is not staged.
        """
        looks = await self._looks()
        return await looks.apply(self._outside.brought(), path, demand, progress)

    @property
    def is_signed(self) -> bool:
        """Whether it goes by signed metadata, and takes nothing that nobody signed for."""
        return self._outside.root() is not None

    @property
    def troubles(self) -> Sequence[str]:
        """Why the last looks came to nothing."""
        return tuple(self._checks.troubles) if self._checks is not None else ()

    async def run(self) -> None:
        """Look now and then, until cancelled; then end a look that somebody ordered, too."""
        try:
            if self._automatic and self._stages:
                await self._first_moment()
                await (await self._looks()).run()
            else:
                await asyncio.Event().wait()
        finally:
            if self._checks is not None:
                await self._checks.close()

    @property
    def _stages(self) -> bool:
        return self._seat.role is not Role.CANDIDATE

    async def _first_moment(self) -> None:
        since = self._clock.monotonic()
        while not self._settled() and self._clock.monotonic() - since < FIRST_WITHIN_S:
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _known(self) -> Catalogue:
        async with self._making:
            if self._catalogue is None:
                return await in_thread(self._open)
            return self._catalogue

    async def _looks(self) -> Checks:
        if not self._stages:
            raise Unavailable("a version on trial does not look for the next one")
        async with self._making:
            if self._checks is None:
                return await in_thread(self._prepare)
            return self._checks

    # In a thread: what is imported below takes half a second and more on a slow board.

    def _open(self) -> Catalogue:
        """The bucket; a build with a root never takes it for a plain one."""
        if self._catalogue is None:
            root = self._outside.root()
            self._catalogue = self._plain() if root is None else self._signed(root)
        return self._catalogue

    def _plain(self) -> Catalogue:
        from reagent.updates.plain import PlainBucket  # noqa: PLC0415

        return PlainBucket(
            self._outside.downloads(),
            self._identity,
            remote=self._remote,
            read=self._read,
            system=_system(),
            arch=self._arch,
        )

    def _signed(self, root: bytes) -> Catalogue:
        from reagent.updates.trust.bucket import SignedBucket  # noqa: PLC0415
        from reagent.updates.trust.memory import Memory  # noqa: PLC0415

        seat = self._seat
        return SignedBucket(
            self._outside.attested(root, f"{seat.folder}/{DOWNLOADS}"),
            Memory(seat.files, seat.folder, seat.ledger, writes=self._stages),
            self._outside.downloads(),
            self._identity,
            self._clock,
            synchronised=self._outside.synchronised,
            remote=self._remote,
            read=self._read,
            system=_system(),
            arch=self._arch,
        )

    def _prepare(self) -> Checks:
        from reagent.updates.asking import Asking  # noqa: PLC0415
        from reagent.updates.checks import Checks  # noqa: PLC0415
        from reagent.updates.fetch import Fetch  # noqa: PLC0415
        from reagent.updates.shortcut import Shortcut  # noqa: PLC0415
        from reagent.updates.staging import Staging  # noqa: PLC0415

        staging = Staging(self._seat, self._arch)
        if self._seat.times.odd:
            _log.warning(self._seat.times.odd)
        downloads = self._outside.downloads()
        fetch = Fetch(
            downloads,
            staging,
            Asking(self._outside.processes(), staging, self._clock, self._control),
            self._clock,
            shortcut=Shortcut(downloads, self._outside.deltas(), staging, self._own_file),
            rate=self._seat.times.rate,
        )
        self._checks = Checks(
            catalogue=self._open(),
            fetch=fetch,
            staging=staging,
            hand_over=self._hand_over(),
            clock=self._clock,
            version=self._version,
            serial_number=self._identity().serial_number,
        )
        return self._checks

    def _own_file(self) -> str:
        return f"{self._seat.folder}/{self._seat.own}" if self._seat.own else ""


def _system() -> str:
    return _SYSTEMS.get(sys.platform, sys.platform)
