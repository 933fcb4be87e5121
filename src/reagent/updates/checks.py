"""When a device looks for a newer version, and that it does so one look at a time.

At start, every six hours and a bit, and whenever `update_agent` asks; `-update=false` switches the
first two off. What fails is tried again after a pause that grows from a minute to those six hours:
a device whose network comes up late must not stay old for a day, and a broken release must not cost
its owner a download a minute. The bit is made of the serial number: a fleet that came back from one
power cut drifts apart, and a device keeps its place.

A certificate that is not valid yet mostly means a clock that is not set yet. So that is tried again
within seconds, for the first ten minutes (the reference: for ever, docs/contract/system.md 4.2).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from typing import Final, Protocol

from reagent import log
from reagent.aio.supervise import end
from reagent.contracts.clock import Clock
from reagent.contracts.downloads import Brought
from reagent.errors import (
    Blocked,
    CertificateDate,
    Damaged,
    NameTaken,
    NotForThisMachine,
    ReagentError,
    StagingFailed,
    Unavailable,
)
from reagent.updates import judge
from reagent.updates.catalogue import Catalogue
from reagent.updates.fetch import Fetch, Progress, Staged, Wanted
from reagent.updates.handover import AUTOMATIC_WITHIN_S, ORDERED_WITHIN_S
from reagent.updates.semver import Version, is_update
from reagent.updates.staging import Staging
from reagent.updates.state import Trial

_log = log.get(__name__)

EVERY_S: Final = 6 * 3600.0
# A twelfth on top, by device.
JITTER_S: Final = EVERY_S / 12
FIRST_PAUSE_S: Final = 60.0
# What was fetched for nothing, and would be again: it waits for its turn like any other look.
USELESS: Final = (Blocked, Damaged, NameTaken, NotForThisMachine, StagingFailed)
# For a clock to be set: pauses from a second to half a minute, ten minutes in all.
CLOCK_PATIENCE_S: Final = 600.0
_CLOCK_PAUSE_S: Final = 30.0
_CLOSE_WITHIN_S: Final = 2.0
# What went wrong last, for a person who asks.
MOST_TROUBLES: Final = 5


class HandOver(Protocol):
    """What is asked for when a trial was scheduled."""

    def request(self, within: float, *, after: float = 0.0) -> None:
        """Have it within so many seconds, not before so many."""
        ...

    def hold(self) -> Callable[[], None]:
        """Not while a person waits for something; returns what lets go."""
        ...


class Checks:
    """Looks for newer versions and has them staged, scheduled and handed over to.

    Args:
        catalogue: what there is.
        fetch: gets a version onto the disk.
        staging: where it is put, and scheduled.
        hand_over: asked for when a version waits for its trial.
        clock: time and chance.
        version: ours.
        serial_number: what the jitter is made of.

    Attributes:
        troubles: why looks came to nothing, each text once, the youngest last.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        fetch: Fetch,
        staging: Staging,
        hand_over: HandOver,
        clock: Clock,
        version: str,
        serial_number: str,
    ) -> None:
        self._catalogue = catalogue
        self._fetch = fetch
        self._staging = staging
        self._hand_over = hand_over
        self._clock = clock
        self._version = version
        self._jitter = jitter(serial_number)
        self._running: _Check | None = None
        # One file at a time comes onto the disk.
        self._one = asyncio.Lock()
        self.troubles: deque[str] = deque(maxlen=MOST_TROUBLES)

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        failures = 0
        clock_set_by = self._clock.monotonic() + CLOCK_PATIENCE_S
        while True:
            failed = not await self._look(clock_set_by)
            failures = failures + 1 if failed else 0
            await self._clock.sleep(pause(failures, self._jitter, self._clock.random()))

    async def order(self, progress: Progress) -> Staged | None:
        """Look now, as somebody asked; a look that is on its way already is joined.

        Args:
            progress: told of every block from now on.

        Returns:
            The version that is staged now and will be tried; None where there is nothing newer.

        Raises:
            ReagentError: why there is none.
        """
        check = self._running
        if check is None:
            check = self._begin()
        elif check.ordered:
            raise Unavailable("an update that somebody asked for is in progress")
        check.ordered = True
        let_go = self._hand_over.hold()  # whoever asked may go away, what was asked for goes on
        check.task.add_done_callback(lambda _: let_go())
        check.listeners.append(progress)
        return await asyncio.shield(check.task)

    async def apply(
        self,
        brought: Brought,
        path: str,
        demand: Callable[[Version], None],
        progress: Progress,
    ) -> Staged:
        """Stage a file that somebody brought; it is scheduled by whoever asked.

        Raises:
            ReagentError: why it is not staged.
        """
        digest = await self._catalogue.vouched(path, brought)
        async with self._one, brought.file(path) as file:
            return await self._fetch.adopt(file, digest, demand, progress)

    @property
    def looking(self) -> bool:
        """Whether a look is on its way."""
        return self._running is not None

    async def close(self) -> None:
        """End a look that is on its way; what came of a file is left for the next process."""
        if self._running is not None:
            await end((self._running.task,), _CLOSE_WITHIN_S)

    async def _look(self, clock_set_by: float) -> bool:
        """One automatic look; whether it came to an end, with or without something new."""
        tries = 0
        while True:
            check = self._running or self._begin()
            try:
                await asyncio.shield(check.task)
            except CertificateDate as error:
                tries += 1
                if self._clock.monotonic() >= clock_set_by:
                    _log.warning("no look for updates", error=error, slug=error.slug)
                    return False
                if tries == 1:
                    _log.info("a date is not right yet, looking again", error=error)
                await self._clock.sleep(min(2.0 ** (tries - 1), _CLOCK_PAUSE_S))
            except USELESS as error:
                _log.warning("no update", error=error, slug=error.slug)
                return True
            except ReagentError as error:
                _log.warning("no update", error=error, slug=error.slug)
                return False
            except Exception as error:  # noqa: BLE001 - the next look may be the remedy
                _log.error("no update", error=repr(error))
                return False
            else:
                return True

    async def _withdraw(self) -> None:
        """Who takes a release back wants no device to try it that only fetched it."""
        try:
            gone = await asyncio.to_thread(self._staging.withdraw, self._catalogue.is_offered)
        except OSError as error:
            _log.warning("a version that was taken back waits still", error=error)
        else:
            if gone:
                _log.info("a version was taken back before its trial", version=gone)

    def _begin(self) -> _Check:
        check = _Check()
        check.task = asyncio.create_task(self._check(check), name="look for an update")
        check.task.add_done_callback(self._over)
        self._running = check
        return check

    def _over(self, task: asyncio.Task[Staged | None]) -> None:
        self._running = None
        if task.cancelled():
            return
        error = task.exception()  # whoever waited was told; nobody may be left to wait
        if error is not None and str(error) not in self.troubles:
            self.troubles.append(str(error))

    async def _check(self, check: _Check) -> Staged | None:
        announced = await self._catalogue.latest()
        back = self._is_way_back(announced)
        if not back and not is_update(self._version, announced):
            _log.debug("no newer version", version=self._version, announced=announced)
            await self._withdraw()
            await asyncio.to_thread(self._staging.tidy)
            return None

        def goes_first(trial: Trial) -> bool:
            return not back and self._goes_first(trial, announced)

        waiting = self._staging.trial()
        if waiting is not None and goes_first(waiting):
            _log.info("what waits goes first", version=waiting.version, announced=announced)
            self._ask_for(waiting, check)
            return Staged(
                version=waiting.version, sha256=waiting.sha256, size=waiting.size, fetched=False
            )
        release = await self._catalogue.release(announced)
        async with self._one:
            wanted = Wanted(
                release=release,
                way=await self._catalogue.difference(release, self._version),
                # Who was ordered back goes on from there, through versions below the one given up.
                below_floor=back or self._catalogue.is_ordered_back(self._staging.floor()),
            )
            staged = await self._fetch.take(wanted, check.tell)
        try:
            scheduled = await asyncio.to_thread(
                self._staging.schedule,
                staged.version,
                staged.sha256,
                staged.size,
                after=goes_first,
            )
        except OSError as error:
            raise StagingFailed(f"no trial can be written down: {error}") from error
        if not scheduled:
            _log.info("staged only: this process does not switch versions", version=staged.version)
            return staged
        trial = self._staging.trial()
        if trial is not None:
            self._ask_for(trial, check)
        return staged

    def _ask_for(self, trial: Trial, check: _Check) -> None:
        if trial.attempt is None:
            within = ORDERED_WITHIN_S if check.ordered else AUTOMATIC_WITHIN_S
            self._hand_over.request(within, after=trial.due_in(self._clock.now()))

    def _goes_first(self, trial: Trial, announced: str) -> bool:
        """A signer's order leaves nothing of a version that it gives up."""
        if self._catalogue.is_ordered_back(trial.version):
            return False
        offered = self._catalogue.is_offered(trial.version)
        return judge.goes_first(trial, announced, offered=offered)

    def _is_way_back(self, announced: str) -> bool:
        if not self._catalogue.is_ordered_back(self._version):
            return False
        return Version.parse(self._version).is_above(Version.parse(announced))


class _Check:
    """One look that is on its way."""

    task: asyncio.Task[Staged | None]

    def __init__(self) -> None:
        self.ordered = False
        self.listeners: list[Progress] = []

    async def tell(self, increment: int, current: int, total: int) -> None:
        for listener in self.listeners:
            await listener(increment, current, total)


def jitter(serial_number: str) -> float:
    """Seconds that this device adds to every pause: the same ones always."""
    place = int.from_bytes(sha256(serial_number.encode()).digest()[:8], "big")
    return JITTER_S * place / (1 << 64)


def pause(failures: int, jitter_s: float, die: float) -> float:
    """Seconds until the next look.

    Args:
        failures: looks in a row that came to nothing.
        jitter_s: see `jitter`.
        die: a number in [0, 1): devices that failed together do not come again together.
    """
    regular = EVERY_S + jitter_s
    if failures == 0:
        return regular
    window = FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16)
    return min(window * (0.5 + die), regular)
