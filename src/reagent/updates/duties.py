"""What the agent does for its own succession while it runs, by its seat.

candidate   says that it is alive, what it reached, and whether it can be called
proven      tells what an attempt was worth where it is asked to (the control run); keeps the
            baseline; hands over when a trial is due; tidies up after a soak of its own
copy        tidies up what copies staged and nobody tried
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final

from reagent import log
from reagent.aio.supervise import until_done
from reagent.contracts.clock import Clock
from reagent.updates import judge
from reagent.updates.control import Control
from reagent.updates.handover import HandOver
from reagent.updates.proof import Proof
from reagent.updates.prover import Prover
from reagent.updates.seat import Role, Seat
from reagent.updates.state import State
from reagent.updates.times import ALIVE_EVERY_S
from reagent.updates.vocabulary import FETCHED, REGISTERED, ROLLBACK, WORDS

_log = log.get(__name__)

_LINK_LOOK_S: Final = 1.0
# The start has better things to do; memory is given back ten seconds after it.
_PROVE_AFTER_S: Final = 4.0
_PROVE_AGAIN_S: Final = 12.5 * 3600
_PROVE_ROUNDS: Final = 5
_RECORDED_WITHIN_S: Final = 20.0
_TIDY_AGAIN_S: Final = 12 * 3600.0
_PUT_AGAIN_S: Final = 300.0
# A duty that failed for no reason that anybody thought of.
_AGAIN_S: Final = 300.0
_ALL: Final = frozenset(WORDS)


class Duties:
    """One task of the agent.

    Args:
        seat: who we are.
        proof: what is reached.
        prover: reaches it.
        hand_over: the way back to the launcher.
        session: the number of the session there is, 0 for none.
        reads_bucket: an active version looks into the bucket anyway.
    """

    def __init__(
        self,
        seat: Seat,
        proof: Proof,
        prover: Prover,
        hand_over: HandOver,
        clock: Clock,
        *,
        session: Callable[[], int],
        reads_bucket: bool,
    ) -> None:
        self._seat = seat
        self._proof = proof
        self._prover = prover
        self._hand_over = hand_over
        self._clock = clock
        self._session = session
        self._reads_bucket = reads_bucket
        self._recorded = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled, or handed over."""
        if self._seat.role is Role.CANDIDATE:
            await _together(self._say_alive(), self._prover.run(_ALL))
        elif self._seat.role is Role.PROVEN:
            duties = {
                "hand-over": self._control,
                "baseline": self._keep_baseline,
                "tidying": self._tidy_later,
                "last update": self._tell_last,
            }
            await _together(
                *(
                    until_done(name, duty, self._clock, again=_AGAIN_S)
                    for name, duty in duties.items()
                )
            )
        else:
            await until_done("tidying", self._tidy_later, self._clock, again=_AGAIN_S)

    async def stopping(self) -> None:
        """The end is an orderly one: say so where ends are counted.

        A control run that the platform refuses is over: it does not get through either.
        """
        if self._seat.role is Role.PROVEN:
            await self._put(self._closed)

    def _closed(self, state: State) -> State:
        control, trial = self._seat.control, state.trial
        if self._proof.is_refused and control is not None and trial and trial.attempt:
            state = judge.settled(state, control, self._clock.now(), self._seat.times, well=False)
        return judge.run_closed(judge.judging(state, ""))

    # --- candidate

    async def _say_alive(self) -> None:
        tell = self._seat.tell
        if tell is None:
            return
        up, since = False, -ALIVE_EVERY_S
        while True:
            holds = self._proof.holds(self._session())
            if holds is not up:
                up = holds
                tell("up" if up else "down")
            if self._clock.monotonic() - since >= ALIVE_EVERY_S:
                since = self._clock.monotonic()
                tell("alive")
            await self._clock.sleep(_LINK_LOOK_S)

    # --- proven

    async def _tell_last(self) -> None:
        """Whoever reads a device's log reads it once it is connected: there it has to stand."""
        await self._proof.wait_for(frozenset({REGISTERED}))
        last = self._seat.ledger.state.last
        if last is not None:
            _log.info("the last update", version=last.version, outcome=last.end, why=last.why)

    async def _control(self) -> None:
        control = self._seat.control
        if control is not None:
            await self._judge(control)
        trial = self._seat.ledger.state.trial
        if trial is not None and trial.attempt is None:
            due_in = trial.due_in(self._clock.now())
            self._hand_over.request(
                after=max(due_in, self._seat.rest),
                # A person waits for the one; the other is a remedy.
                ordered=trial.brought or trial.kind == ROLLBACK,
            )
        await self._hand_over.wait_until_asked()
        # The candidate is measured by what this version can do here, so that is looked at first.
        await _first(self._recorded.wait(), self._clock.sleep(_RECORDED_WITHIN_S))
        await self._hand_over.run()

    async def _judge(self, control: Control) -> None:
        reached = await self._reaches(control)
        now = self._clock.now()

        def settled(state: State) -> State:
            return judge.settled(state, control, now, self._seat.times, well=reached)

        _log.warning(
            "an attempt is settled",
            why=control.why,
            world="well" if reached else "broken",
            counts=reached and control.strikes,
        )
        # A full disk is one day not full any more; until it is written down nothing is tried again.
        while not await self._put(settled):
            await self._clock.sleep(_PUT_AGAIN_S)

    async def _reaches(self, control: Control) -> bool:
        proving = asyncio.create_task(self._prover.run(control.required), name="control run")
        try:
            await _first(self._proof.wait_for(control.required), self._clock.sleep(control.window))
        finally:
            proving.cancel()
        return control.required <= self._proof.words

    async def _keep_baseline(self) -> None:
        words = _ALL if self._reads_bucket else _ALL - {FETCHED}
        while True:
            await self._proof.wait_for(frozenset({REGISTERED}))
            await self._sleep_unless_asked(_PROVE_AFTER_S)
            await self._prover.run(words, rounds=_PROVE_ROUNDS)
            await self._put(partial(judge.could, words=self._proof.words, now=self._clock.now()))
            self._recorded.set()
            await self._sleep_unless_asked(_PROVE_AGAIN_S)
            if self._hand_over.asked:
                return
            self._proof.forget()
            if self._proof.holds(self._session()):
                self._proof.joined()
                self._proof.registered(self._session())

    async def _sleep_unless_asked(self, seconds: float) -> None:
        await _first(self._clock.sleep(seconds), self._hand_over.wait_until_asked())

    async def _tidy_later(self) -> None:
        """After a soak of our own, and twice a day from then on, while nothing is tried.

        A version that was blocked during this run must not lie there for as long as it lasts.
        """
        pause = self._seat.times.soak
        while True:
            await self._clock.sleep(pause)
            pause = _TIDY_AGAIN_S
            if self._is_trying():
                continue
            from reagent.updates.commit import tidy, tidy_copy  # noqa: PLC0415 - long after the start

            seat = self._seat
            work = tidy if seat.role is Role.PROVEN else tidy_copy
            try:
                gone = await asyncio.to_thread(
                    work, seat.files, seat.folder, seat.ledger, own=seat.own
                )
            except OSError as error:
                _log.warning("nobody tidies up", error=error)
                continue
            if gone:
                _log.info("old versions are gone", files=gone)

    def _is_trying(self) -> bool:
        return self._seat.ledger.state.trial is not None

    async def _put(self, change: Callable[[State], State]) -> bool:
        try:
            await asyncio.to_thread(self._seat.ledger.change, change)
        except OSError as error:
            _log.warning("the update's state cannot be kept", error=error)
            return False
        return True


async def _together(*work: Coroutine[object, object, None]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for each in work:
            tasks.create_task(each)


async def _first(*work: Coroutine[object, object, object]) -> None:
    """Until one of them is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
