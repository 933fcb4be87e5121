"""What a person may order about versions, whether the agent runs or not.

    status      what there is, nothing is done
    check       look into the bucket now (only an agent that runs does)
    apply       stage a file that somebody brings, and have it tried; an older one instead of the
                version that runs, where that is said and somebody signed for it
    rollback    give the active version up for the one before
    unblock     a version that was blocked may come back
    repair      mend the links

Nothing here switches a version: what is staged has to prove itself under the proven one, whoever
ordered it. The one exception is a device without a usable `Reagent-active`: there repair points it
at what was proven before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os.path import isabs
from typing import Final, Protocol, TypeVar

from reagent.contracts.control import News, Plain
from reagent.errors import BadRelease, BadRequest, BadVersion, Refused, StagingFailed, Unavailable
from reagent.settings import stamp
from reagent.updates import back, links
from reagent.updates.fetch import Progress, Staged
from reagent.updates.handover import AUTOMATIC_WITHIN_S, ORDERED_WITHIN_S
from reagent.updates.mending import mend
from reagent.updates.report import report
from reagent.updates.seat import Role, Seat
from reagent.updates.semver import Version, same
from reagent.updates.staging import Staging
from reagent.updates.state import Trial
from reagent.updates.vocabulary import version_file

Result = TypeVar("Result")


class Looks(Protocol):
    """Gets versions; `updates.lookout.Lookout` is one.

    Attributes:
        is_signed: what it takes is named by metadata that is trusted.
    """

    @property
    def is_signed(self) -> bool:
        """See above."""
        ...

    async def order(self, progress: Progress) -> Staged | None:
        """Look into the bucket."""
        ...

    async def apply(
        self, path: str, demand: Callable[[Version], None], progress: Progress
    ) -> Staged:
        """Stage a file of this device."""
        ...


class HandsOver(Protocol):
    """Lets the launcher have its turn."""

    def request(self, within: float, *, after: float = 0.0, ordered: bool = False) -> None:
        """Have it within so many seconds, not before so many; an order waits for no window."""
        ...

    def hold(self) -> Callable[[], None]:
        """Not while a person waits for something; returns what lets go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The agent that takes orders; there is none where a command works on the folder itself."""

    hand_over: Callable[[], HandsOver]
    describe: Callable[[], Mapping[str, object]]


class Orders:
    """Implements `contracts.control.Desk`.

    Args:
        seat: who the agent is in the turn of versions.
        looks: gets versions.
        version: ours.
        arch: ours.
        now: seconds since 1970, as the device believes.
        running: the agent, where it runs.
    """

    def __init__(
        self,
        seat: Seat,
        looks: Looks,
        *,
        version: str,
        arch: str,
        now: Callable[[], float],
        running: Running | None = None,
    ) -> None:
        self._seat = seat
        self._looks = looks
        self._version = version
        self._now = now
        self._running = running
        self._staging = Staging(seat, arch)

    async def obey(self, order: str, arguments: Plain, news: News) -> Plain:
        """See the contract."""
        act = _ACTS.get(order)
        if act is None:
            raise BadRequest(f"version {self._version} knows no order {order!r}")
        if act in _CHANGES and self._seat.role is Role.CANDIDATE:
            raise Unavailable(
                f"version {self._version} is on trial here and changes nothing;"
                " try again when the trial is over (reagent update status)"
            )
        let_go = self._running.hand_over().hold() if self._running is not None else None
        try:
            return await act(self, arguments, news)
        finally:
            if let_go is not None:
                let_go()

    async def status(self, _arguments: Plain, _news: News) -> Plain:
        """Look, and do nothing."""
        return {
            "running": self._running is not None,
            "version": self._version,
            "updates": stamp.trust(),
            **(self._running.describe() if self._running is not None else {}),
            **await asyncio.to_thread(self._report),
        }

    async def check(self, _arguments: Plain, news: News) -> Plain:
        """Look into the bucket, and stage what is new."""
        if self._running is None:
            raise Unavailable("no agent runs here; it looks by itself when it starts")
        if await self._looks.order(_telling(news)):
            return {"text": f"{self._staged_version()} is staged; its trial begins within a minute"}
        return {"text": f"nothing newer than {self._version} is announced for this device"}

    async def apply(self, arguments: Plain, news: News) -> Plain:
        """Stage a file: upwards, or downwards where that is said and somebody signed for it."""
        path, down = arguments.get("path"), arguments.get("downgrade") is True
        if not isinstance(path, str) or not isabs(path):  # noqa: PTH117 - pure
            raise BadRequest("apply needs the absolute path of a file")
        if down and not self._looks.is_signed:
            raise Refused(
                "this build is unsigned: nobody vouches for an older version, so --downgrade has"
                " nothing to go by (reagent update rollback goes back to the version before)"
            )
        demand = self._demand_another if down else self._demand_upwards
        staged = await self._looks.apply(path, demand, _telling(news))
        given_up = not self._is_above_ours(Version.parse(staged.version))
        if not await self._write(partial(self._schedule, staged, step_down=given_up)):
            return {"text": f"{staged.version} is staged; this agent does not switch versions"}
        self._hand_over(AUTOMATIC_WITHIN_S)
        when = "when the device is connected and idle" if self._running else "at the next start"
        instead = f"; {self._version} is given up for it, and blocked" if given_up else ""
        return {"text": f"{staged.version} is staged; its trial begins {when}{instead}"}

    async def roll_back(self, arguments: Plain, _news: News) -> Plain:
        """Have the version before tried, and this one blocked."""
        why = arguments.get("why")
        text = why if isinstance(why, str) and why else "somebody ordered the version before"
        before = await self._write(lambda: back.roll_back(self._seat, text))
        self._hand_over(ORDERED_WITHIN_S)
        when = "within a minute" if self._running else "at the next start"
        return {
            "text": f"going back to version {before.version}: it is tried {when},"
            " until then this one runs"
        }

    async def unblock(self, arguments: Plain, _news: News) -> Plain:
        """Let a version come back."""
        wanted = arguments.get("version")
        blocked = [each for each in self._seat.ledger.state.blocked if each.version == wanted]
        if not blocked:
            raise BadRequest(f"version {wanted} is not blocked here")
        for each in blocked:
            await self._write(partial(self._staging.unblock, each.sha256))
        return {"text": f"{wanted} may come back; the next look finds it, if it is announced still"}

    async def repair(self, _arguments: Plain, _news: News) -> Plain:
        """Mend links that name nothing, or what must not come back."""
        if self._seat.role is Role.COPY:
            raise Refused("this agent was not started as Reagent-active and mends no links")
        mended = await self._write(
            lambda: mend(self._seat.files, self._seat.folder, self._seat.ledger.state, self._now())
        )
        if not mended:
            return {"text": "every link names what it should"}
        return {"text": "; ".join(f"{name} names {file} now" for name, file in mended)}

    def _report(self) -> dict[str, object]:
        seat = self._seat
        known = links.look(seat.files, seat.folder)
        return report(
            seat.ledger.state, known, role=seat.role, folder=seat.folder, now=self._now(),
            times=seat.times,
        )  # fmt: skip

    def _schedule(self, staged: Staged, *, step_down: bool) -> bool:
        version, sha256, size = staged.version, staged.sha256, staged.size
        if not step_down:
            return self._staging.schedule(version, sha256, size, brought=True)
        file = version_file(version)
        older = Trial(file=file, version=version, sha256=sha256, size=size, brought=True)
        return back.step_down(self._seat, older, f"somebody brought {version} instead")

    def _is_above_ours(self, version: Version) -> bool:
        return version.is_above(Version.parse(self._version))

    def _demand_another(self, version: Version) -> None:
        if same(str(version), self._version):
            raise BadRelease(f"the file is version {version}, which runs here already")

    def _demand_upwards(self, version: Version) -> None:
        if not self._is_above_ours(version):
            ways = "reagent update rollback goes back"
            if self._looks.is_signed:
                ways += ", --downgrade takes what somebody signed for"
            raise BadRelease(
                f"the file is version {version}, and {self._version} runs here: only a newer one is"
                f" taken ({ways})"
            )
        floor = self._staging.floor()
        with suppress(BadVersion):
            if Version.parse(floor).is_above(version):
                raise BadRelease(f"version {version} is below {floor}, which ran here before")

    def _staged_version(self) -> str:
        trial = self._staging.trial()
        return f"version {trial.version}" if trial is not None else "a newer version"

    def _hand_over(self, within: float) -> None:
        if self._running is not None:
            self._running.hand_over().request(within, ordered=True)

    async def _write(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            reason = error.strerror or str(error)
            raise StagingFailed(f"{self._seat.folder}: {reason}") from error


def _telling(news: News) -> Progress:
    async def tell(_increment: int, current: int, total: int) -> None:
        await news({"bytes": current, "of": total})

    return tell


_Act = Callable[[Orders, Plain, News], Awaitable[Plain]]
_CHANGES: Final[frozenset[_Act]] = frozenset(
    {Orders.check, Orders.apply, Orders.roll_back, Orders.unblock, Orders.repair}
)
_ACTS: Final[Mapping[str, _Act]] = {
    "status": Orders.status,
    "check": Orders.check,
    "apply": Orders.apply,
    "rollback": Orders.roll_back,
    "unblock": Orders.unblock,
    "repair": Orders.repair,
}
