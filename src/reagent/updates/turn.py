"""The turn of versions at a start: decide, try, settle, until it is clear who is the agent.

What happens to processes is asked of a `Machine`, what happens to the disk of `Files`; so a test
can play whole lives of a device through exactly this, with the power going at any moment.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from reagent import log
from reagent.updates import judge, links
from reagent.updates.decide import Act, Facts, Plan, decide
from reagent.updates.outcome import Outcome
from reagent.updates.seat import Role, Seat
from reagent.updates.state import State, Trial
from reagent.updates.vocabulary import ARRIVAL, version_of

if TYPE_CHECKING:  # a start without a trial has no children
    from reagent.updates.parent import Child

_log = log.get(__name__)

_ARRIVAL_PAUSE_S = 5.0


class Machine(Protocol):
    """Processes and clocks, as a start needs them.

    Attributes:
        boot: the kernel's boot id.
    """

    boot: str

    def now(self) -> float:
        """Seconds since 1970, as the device believes."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go up."""
        ...

    def start(self, path: str) -> Child:
        """Run a file as candidate, with our own command line.

        Raises:
            OSError: it cannot be run.
        """
        ...

    def would_start(self, path: str, state: bytes) -> bool:
        """Whether a file says that it would be the agent, on this state; bounded."""
        ...

    def listen(self) -> None:
        """From now on an order to stop is heard, not obeyed."""
        ...

    def unlisten(self) -> None:
        """An order to stop is obeyed again."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until a stop is ordered; returns whether it is."""
        ...

    def become(self, path: str) -> None:
        """Be another version from now on.

        Raises:
            OSError: it cannot be executed; otherwise this does not return.
        """
        ...


class Turn:
    """One start as the target of `Reagent-active`.

    Args:
        seat: where, and which file of the folder we are.
        machine: processes and clocks.
        active: the path that every start runs.
        version: what we are.
        may_try: False where no trial can be judged.
    """

    def __init__(
        self, seat: Seat, *, machine: Machine, active: str, version: str, may_try: bool
    ) -> None:
        self._seat = seat
        self._files = seat.files
        self._ledger = seat.ledger
        self._machine = machine
        self._times = seat.times
        self._folder = seat.folder
        self._own = seat.own
        self._active = active
        self._version = version
        self._may_try = may_try

    def take(self) -> Seat | None:
        """The seat of this process, after whatever trial there was; None: stop, it was ordered."""
        rest = 0.0
        while True:
            plan = decide(self._facts())
            for line in plan.say:
                _log.warning(line)
            if plan.act is Act.TRY:
                outcome = self._try(plan)
                if outcome is Outcome.STOPPED:
                    return None
                if outcome is Outcome.COMMITTED:
                    return self._become_active()
                if outcome is Outcome.FAILED:
                    continue
                rest = self._times.proof
            trouble = self._carry_out(plan) if plan.act is not Act.TRY else ""
            if trouble:
                _log.warning("the update's state cannot be kept", error=trouble)
            if plan.act is Act.RETURN and not trouble:
                return self._become_active()
            return replace(self._seat, control=plan.control, rest=rest)

    def _try(self, plan: Plan) -> Outcome:
        """Spend an attempt; without a durable count there is none."""
        trial = plan.state.trial
        if trial is None:
            return Outcome.NONE
        self._machine.listen()
        try:
            trouble = self._carry_out(plan)
            if trouble:
                _log.warning("no trial: its attempt cannot be written down", error=trouble)
                return Outcome.NONE
            outcome = self._attempt(trial)
            failed_arrival = outcome is Outcome.FAILED and trial.kind == ARRIVAL
            pause = _ARRIVAL_PAUSE_S if failed_arrival else 0.0
            return Outcome.STOPPED if self._machine.wait(pause) else outcome
        finally:
            self._machine.unlisten()

    def _attempt(self, trial: Trial) -> Outcome:
        from reagent.updates.parent import attend  # noqa: PLC0415 - in a trial only
        from reagent.updates.supervision import Supervision  # noqa: PLC0415

        _log.info("trial begins", version=trial.version, strikes=trial.strikes, kind=trial.kind)
        try:
            child = self._machine.start(f"{self._folder}/{trial.file}")
        except OSError as error:
            return self._not_started(trial, error)
        monotonic = self._machine.monotonic
        watch = Supervision(
            required=judge.required(self._ledger.state, self._machine.now()),
            soaked=trial.proven_s,
            times=self._times,
            now=monotonic(),
        )
        return attend(child, self._ledger, watch, lambda: self._commit(trial), monotonic)

    def _not_started(self, trial: Trial, error: OSError) -> Outcome:
        """No executable for this machine never becomes one; everything else is the world's."""
        _log.warning("the trial cannot be started", version=trial.version, error=error)

        def settled(state: State) -> State:
            if trial.kind == ARRIVAL:
                return judge.ended(state, str(error), 0.0)
            if error.errno in judge.NO_EXECUTABLE:
                why = error.strerror or "no executable"
                return judge.blocked(state, trial.sha256, trial.version, why)
            return judge.given_back(state, self._machine.now(), self._times)

        try:
            self._ledger.change(settled)
        except OSError:
            return Outcome.NONE
        return Outcome.FAILED

    def _commit(self, trial: Trial) -> str:
        from reagent.updates.commit import commit, committed_state  # noqa: PLC0415 - rare
        from reagent.updates.state import encode  # noqa: PLC0415

        now = self._machine.now()
        then = encode(committed_state(self._ledger.state, trial, now))
        if not self._machine.would_start(f"{self._folder}/{trial.file}", then):
            return "it would not start by itself"
        commit(self._files, self._folder, self._ledger, trial, own=self._own, now=now)
        _log.info("committed", version=trial.version)
        return ""

    def _become_active(self) -> Seat:
        """Exec; where that fails, be the agent without a say in updates until the next start."""
        try:
            self._machine.become(self._active)
        except OSError as error:
            _log.error("what Reagent-active names cannot be executed", error=error)
        return replace(self._seat, role=Role.COPY)

    def _facts(self) -> Facts:
        return Facts(
            own=self._own,
            own_size=self._size(),
            version=self._version,
            state=self._ledger.state,
            links=links.look(self._files, self._folder),
            boot=self._machine.boot,
            now=self._machine.now(),
            times=self._times,
            may_try=self._may_try,
            digest=self._digest,
            fault=self._fault,
            speaks=lambda file: self._machine.would_start(f"{self._folder}/{file}", b""),
        )

    def _carry_out(self, plan: Plan) -> str:
        if plan.state == self._ledger.state and not plan.links and not plan.newest:
            return ""
        from reagent.updates.commit import carry_out  # noqa: PLC0415 - rare

        return carry_out(self._files, self._folder, self._ledger, plan, self._machine.now())

    def _size(self) -> int:
        with suppress(OSError):
            return self._files.lstat(f"{self._folder}/{self._own}").size
        return -1

    def _digest(self, file: str) -> Trial | None:
        path = f"{self._folder}/{file}"
        try:
            size = self._files.lstat(path).size
            digest = self._files.sha256(path)
        except OSError:
            return None
        return Trial(file=file, version=version_of(file), sha256=digest, size=size)

    def _fault(self, trial: Trial) -> str:
        from reagent.updates.intact import fault  # noqa: PLC0415 - in a trial only

        return fault(self._files, f"{self._folder}/{trial.file}", trial.sha256, trial.size)
