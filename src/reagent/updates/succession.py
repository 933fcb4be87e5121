"""The part of the agent that knows of versions before and after it, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine
from reagent.contracts.messenger import Messenger
from reagent.contracts.store import Store
from reagent.errors import NotConnected, Unavailable
from reagent.model import names
from reagent.updates.duties import Duties
from reagent.updates.handover import HandOver
from reagent.updates.proof import Proof
from reagent.updates.prover import Prover, Step, write_and_take_away
from reagent.updates.seat import Seat
from reagent.updates.vocabulary import CALLED, ENGINE, FETCHED, STAGED, STORED

_CALL_S = 10.0


class Succession:
    """What the composition root runs, feeds and asks.

    Args:
        seat: who this process is, as the launcher decided.
        serial: our serial number now.
        idle: nothing is going on that a restart would break.
        leave: ends the agent, orderly; the launcher goes on from there.
        read_bucket: one small read of the bucket; None where there is nothing that reads it.
        reads_bucket: an active version looks into the bucket by itself.
    """

    def __init__(
        self,
        seat: Seat,
        *,
        clock: Clock,
        messenger: Messenger,
        engine: Engine,
        store: Store,
        serial: Callable[[], str],
        idle: Callable[[], bool],
        leave: Callable[[], None],
        read_bucket: Step | None = None,
        reads_bucket: bool = False,
    ) -> None:
        self.seat = seat
        self.proof = Proof(seat.tell)
        self.hand_over = HandOver(
            clock,
            idle=idle,
            well=lambda: self.proof.holds(messenger.session_id),
            leave=leave,
            window=seat.times.window,
        )
        self._messenger = messenger
        self._serial = serial
        steps: dict[str, Step] = {
            CALLED: self._call_ourselves,
            ENGINE: engine.ping,
            STORED: store.prove,
            STAGED: self._stage,
        }
        if read_bucket is not None:
            steps[FETCHED] = read_bucket
        self._duties = Duties(
            seat,
            self.proof,
            Prover(self.proof, steps, clock),
            self.hand_over,
            clock,
            session=lambda: messenger.session_id if messenger.connected else 0,
            reads_bucket=reads_bucket,
        )

    async def run(self) -> None:
        """Until cancelled, or handed over."""
        await self._duties.run()

    def last_update(self) -> dict[str, str]:
        """How the last update ended; empty where there was none."""
        last = self.seat.ledger.state.last
        if last is None:
            return {}
        return {"version": last.version, "outcome": last.end, "reason": last.why}

    async def stopping(self) -> None:
        """The end that comes is an orderly one."""
        await self._duties.stopping()

    async def _call_ourselves(self) -> None:
        """From here to the router and back: what the platform does when it needs this device."""
        if not self._messenger.session_id:
            raise NotConnected
        serial = self._serial()
        procedure = names.procedure(serial, "device_handshake")
        answer = await self._messenger.call(procedure, deadline=_CALL_S)
        if answer.kwargs.get("id") != serial:
            raise Unavailable("our own procedure is answered by somebody else")

    async def _stage(self) -> None:
        await asyncio.to_thread(write_and_take_away, self.seat.files, self.seat.folder)
