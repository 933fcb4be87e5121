"""Which version runs: decided before the agent is imported (design: one file that launches itself).

A second, tiny composition root, beside `agent`. The rules stand in `updates.decide`, the sequences
in `updates.commit`; here they meet the disk, the processes and the clock. Every start pays for what
is imported at the top, so what belongs to a trial is imported in it.
"""

# What is done here must not normalise paths: argv[0] stays as the manager script looks for it.
# ruff: noqa: PTH100, PTH116, PTH121, PTH123

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reagent import log
from reagent.adapters.posix.updatefiles import PosixFiles
from reagent.contracts.files import Kind
from reagent.settings import stamp
from reagent.settings.flags import Flags
from reagent.updates import judge, links
from reagent.updates.decide import Act, Facts, Plan, decide
from reagent.updates.ledger import Ledger
from reagent.updates.outcome import Outcome
from reagent.updates.seat import Role, Seat
from reagent.updates.state import State, Trial, decode
from reagent.updates.times import LAUNCH_CHECK_S, Times
from reagent.updates.vocabulary import ACTIVE, ARRIVAL, VERSION_FILE

if TYPE_CHECKING:
    from reagent.adapters.posix.candidate import Signals

_log = log.get(__name__)

LAUNCH_CHECK: Final = "launch-check"
# When a process that has been another version began anew: the kernel tells of its first beginning.
LAUNCHED: Final = "REAGENT_LAUNCHED"
_READY: Final = "ready"
_ARRIVAL_PAUSE_S: Final = 5.0


def take_seat(flags: Flags, program: str, words: Sequence[str]) -> Seat | None:
    """Choose the version that runs, and stay for as long as it is another one's turn.

    Called once, under the lock, with the log set up. A trial is spent in here, as its parent; when
    another version was committed, this process becomes that version and nothing returns.

    Args:
        flags: what the command line said.
        program: argv[0] as it was typed.
        words: the rest of argv.

    Returns:
        What the agent has to know, or None: stop, as it was ordered during a trial.
    """
    start = _Start(flags, program, words)
    if start.not_ours:
        _log.info("updates are staged here, never tried", why=start.not_ours)
        return start.copy()
    return start.proven()


def candidate_seat(flags: Flags) -> Seat | None:
    """The seat of a version on trial; None where nobody tries this process."""
    if "REAGENT_TRIAL" not in os.environ:
        return None
    from reagent.adapters.posix.candidate import adopted  # noqa: PLC0415 - in a trial only

    parent = adopted()
    if parent is None:
        return None
    folder = os.path.abspath(flags.agent_dir)
    files = PosixFiles()
    return Seat(
        role=Role.CANDIDATE,
        folder=folder,
        files=files,
        ledger=Ledger(files, folder),
        times=Times.of(os.environ),
        tell=parent.tell,
    )


def hand_over(seat: Seat, program: str, words: Sequence[str]) -> None:
    """Become what `Reagent-active` names now; the lock is let go by that.

    Raises:
        OSError: it cannot be executed; this process is what it was.
    """
    os.environ[LAUNCHED] = repr(time.monotonic())
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os.execv(f"{seat.folder}/{ACTIVE}", [program, *words])  # noqa: S606 - no shell is the point


def answer_launch_check(content: bytes) -> str:
    """What a candidate says to its parent before the commit: would it start, on this state?

    Args:
        content: `updates.json` as it will be.

    Returns:
        One word and the version; the first is `ready` when it would be the agent.
    """
    links_then = links.Links(active="us", previous="before", latest="us")
    facts = Facts(
        own="us",
        own_size=-1,
        version=stamp.VERSION,
        state=decode(content),
        links=links_then,
        boot="",
        now=time.time(),
        times=Times(),
        may_try=True,
        digest=lambda _: None,
        fault=lambda _: "",
        speaks=lambda _: True,
    )
    act = decide(facts).act
    return f"{_READY if act is Act.RUN else act.name.lower()} {stamp.VERSION}"


# What an early stop has to tell the disk.
_open_runs: list[Ledger] = []


def stopped_early() -> None:
    """A stop came before the agent listened: an orderly end, where ends are counted.

    Called from a signal handler as the last thing before the process ends.
    """
    for ledger in _open_runs:
        with suppress(Exception):
            ledger.change(judge.run_closed)


class _Start:
    """One start, as the target of `Reagent-active` or as a copy."""

    def __init__(self, flags: Flags, program: str, words: Sequence[str]) -> None:
        self._flags = flags
        self._program = program
        self._words = words
        self._files = PosixFiles()
        self._folder, self._own, self.not_ours = _place(program, flags.agent_dir, self._files)
        self._ledger = Ledger(self._files, self._folder)
        self._times = Times.of(os.environ)
        self._boot = _boot_id()

    def copy(self) -> Seat:
        """The full agent, that only stages."""
        return self._seat(Role.COPY)

    def proven(self) -> Seat | None:
        """The agent, after whatever trial there was."""
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
            trouble = self._carry_out(plan) if plan.act is not Act.TRY else ""
            if trouble:
                _log.warning("the update's state cannot be kept", error=trouble)
            if plan.act is Act.RETURN and not trouble:
                return self._become_active()
            if plan.state.committed is not None and plan.state.committed.boot:
                _open_runs.append(self._ledger)
            return replace(self._seat(Role.PROVEN), control=plan.control)

    def _try(self, plan: Plan) -> Outcome:
        """Spend an attempt; without a durable count there is none."""
        from reagent.adapters.posix.candidate import Signals  # noqa: PLC0415 - in a trial only

        trial = plan.state.trial
        if trial is None:
            return Outcome.NONE
        with Signals() as signals:
            trouble = self._carry_out(plan)
            if trouble:
                _log.warning("no trial: its attempt cannot be written down", error=trouble)
                return Outcome.NONE
            outcome = self._attempt(trial, signals)
            if outcome is Outcome.FAILED and trial.kind == ARRIVAL:
                signals.wait(_ARRIVAL_PAUSE_S)
            return Outcome.STOPPED if signals.stop else outcome

    def _attempt(self, trial: Trial, signals: Signals) -> Outcome:
        from reagent.adapters.posix.candidate import Candidate  # noqa: PLC0415 - in a trial only
        from reagent.updates.parent import attend  # noqa: PLC0415
        from reagent.updates.supervision import Supervision  # noqa: PLC0415

        _log.info("trial begins", version=trial.version, strikes=trial.strikes, kind=trial.kind)
        try:
            child = Candidate(
                f"{self._folder}/{trial.file}",
                [self._program, *self._words],
                {name: word for name, word in os.environ.items() if name != LAUNCHED},
                signals,
            )
        except OSError as error:
            return self._not_started(trial, error)
        watch = Supervision(
            required=judge.required(self._ledger.state, time.time()),
            soaked=trial.proven_s,
            times=self._times,
            now=time.monotonic(),
        )
        return attend(child, self._ledger, watch, lambda: self._commit(trial), time.monotonic)

    def _not_started(self, trial: Trial, error: OSError) -> Outcome:
        """No executable for this machine never becomes one; everything else is the world's."""
        _log.warning("the trial cannot be started", version=trial.version, error=error)

        def settled(state: State) -> State:
            if trial.kind == ARRIVAL:
                return judge.ended(state, str(error), 0.0)
            if error.errno in judge.NO_EXECUTABLE:
                return judge.blocked(state, trial.sha256, trial.version, str(error))
            return judge.given_back(state, time.time(), self._times)

        with suppress(OSError):
            self._ledger.change(settled)
        return Outcome.FAILED

    def _commit(self, trial: Trial) -> str:
        from reagent.updates.commit import commit, committed_state  # noqa: PLC0415 - rare
        from reagent.updates.state import encode  # noqa: PLC0415

        now = time.time()
        then = encode(committed_state(self._ledger.state, trial, now))
        if not self._launch_check(trial.file, then):
            return "it would not start by itself"
        commit(self._files, self._folder, self._ledger, trial, own=self._own, now=now)
        _log.info("committed", version=trial.version)
        return ""

    def _launch_check(self, file: str, state: bytes) -> bool:
        from reagent.adapters.posix.candidate import ask  # noqa: PLC0415 - rare

        command = (f"{self._folder}/{ACTIVE}", LAUNCH_CHECK)
        said = ask(command, f"{self._folder}/{file}", state, LAUNCH_CHECK_S)
        return said.split()[:1] == [_READY]

    def _become_active(self) -> Seat:
        """Exec; where that fails, be the agent without a say in updates until the next start."""
        seat = self._seat(Role.COPY)
        try:
            hand_over(seat, self._program, self._words)
        except OSError as error:
            _log.error("what Reagent-active names cannot be executed", error=error)
        return seat

    def _facts(self) -> Facts:
        return Facts(
            own=self._own,
            own_size=self._files.lstat(f"{self._folder}/{self._own}").size,
            version=stamp.VERSION,
            state=self._ledger.state,
            links=links.look(self._files, self._folder),
            boot=self._boot,
            now=time.time(),
            times=self._times,
            may_try=not self._flags.offline,
            digest=self._digest,
            fault=self._fault,
            speaks=lambda file: self._launch_check(file, b""),
        )

    def _digest(self, file: str) -> Trial | None:
        path = f"{self._folder}/{file}"
        try:
            size = self._files.lstat(path).size
            digest = self._files.sha256(path)
        except OSError:
            return None
        return Trial(file=file, version=file.removeprefix(VERSION_FILE), sha256=digest, size=size)

    def _fault(self, trial: Trial) -> str:
        path = f"{self._folder}/{trial.file}"
        try:
            found = self._files.lstat(path)
            if found.kind is not Kind.FILE:
                return "it is no file"
            if found.size != trial.size:
                return f"it has {found.size} bytes, not {trial.size}"
            return "" if self._files.sha256(path) == trial.sha256 else "its digest is another one"
        except OSError as error:
            return error.strerror or str(error)

    def _carry_out(self, plan: Plan) -> str:
        settled = plan.act is Act.RUN and not plan.links and not plan.newest
        if settled and plan.state == self._ledger.state:
            return ""
        from reagent.updates.commit import carry_out  # noqa: PLC0415 - rare

        return carry_out(self._files, self._folder, self._ledger, plan, time.time())

    def _seat(self, role: Role) -> Seat:
        return Seat(
            role=role,
            folder=self._folder,
            files=self._files,
            ledger=self._ledger,
            times=self._times,
            own=self._own,
            boot=self._boot,
        )


def _place(  # noqa: PLR0911 - reasons, one after the other
    program: str, agent_dir: str, files: PosixFiles
) -> tuple[str, str, str]:
    """The folder, our file in it, and why we have no say there; empty when we have.

    We have it when the `Reagent-active` that was started is a link to this very file.
    """
    elsewhere = os.path.abspath(agent_dir)
    path = os.path.abspath(program)
    folder, name = os.path.split(path)
    if name != ACTIVE or "/" not in program:
        return elsewhere, "", f"this process was not started as {ACTIVE}"
    try:
        if not stat.S_ISLNK(os.lstat(path).st_mode):
            return elsewhere, "", f"{path} is no link"
        if not os.path.samestat(os.stat(path), _own_file(path)):
            return elsewhere, "", f"{path} names another file by now"
        if not os.path.samefile(folder, elsewhere):
            return elsewhere, "", f"-agentDir is not the folder of {path}"
    except OSError as error:
        return elsewhere, "", f"{path}: {error.strerror or error}"
    own = links.look(files, folder).active
    if not own:
        return elsewhere, "", f"{path} does not name a file beside it"
    return folder, own, ""


def _own_file(started_as: str) -> os.stat_result:
    if stamp.FREEZER == "source":
        return os.stat(started_as)  # an interpreter runs us, and says nothing about versions
    try:
        return os.stat("/proc/self/exe")
    except OSError:
        return os.stat(sys.executable)


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"
