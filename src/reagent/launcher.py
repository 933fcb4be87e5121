"""Which version runs: decided before the agent is imported (design: one file that launches itself).

A second, tiny composition root, beside `agent`. What a start does stands in `updates.turn`, the
rules in `updates.decide`; here they meet the disk, the processes and the clock. Every start pays
for what is imported at the top, so what belongs to a trial is imported in it.
"""

# What is done here must not normalise paths: argv[0] stays as the manager script looks for it.
# ruff: noqa: PTH100, PTH112, PTH116, PTH119, PTH121, PTH123

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
from reagent.adapters.manager import READY, deputed, note
from reagent.settings import stamp
from reagent.settings.flags import Flags
from reagent.updates import links
from reagent.updates.ledger import Ledger
from reagent.updates.quiet import is_quiet
from reagent.updates.seat import Role, Seat
from reagent.updates.state import decode
from reagent.updates.times import LAUNCH_CHECK_S, Times
from reagent.updates.vocabulary import ACTIVE, VERSION_FILE, version_of

if sys.platform == "win32":
    from reagent.adapters.windows.updatefiles import WindowsFiles as SystemFiles
else:
    from reagent.adapters.posix.updatefiles import PosixFiles as SystemFiles

if TYPE_CHECKING:
    from reagent.adapters.trials import Signals
    from reagent.updates.parent import Child

_log = log.get(__name__)

LAUNCH_CHECK: Final = "launch-check"
# When a process that has been another version began anew: the kernel tells of its first beginning.
LAUNCHED: Final = "REAGENT_LAUNCHED"
_READY: Final = "ready"

# What an early stop has to tell the disk.
_open_runs: list[Ledger] = []


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
    files = SystemFiles()
    folder, own, not_ours = _place(program, flags.agent_dir, files)
    if not_ours:
        own = _own_name(folder)
    here = _seat(files, folder, Role.COPY if not_ours else Role.PROVEN, own)
    ledger = here.ledger
    if not_ours:
        _log.info("updates are staged here, never tried", why=not_ours)
        return here
    if is_quiet(ledger.state, links.look(files, folder), own, time.time()):
        return here
    from reagent.updates.turn import Turn  # noqa: PLC0415 - where there is something to decide

    turn = Turn(
        here,
        machine=_Here(program, words),
        active=f"{folder}/{ACTIVE}",
        version=stamp.VERSION,
        may_try=not flags.offline,
    )
    try:
        seat = turn.take()
    except Exception:  # noqa: BLE001 - whatever is wrong with updates, this version runs
        _log.exception("no turn of versions at this start")
        return replace(here, role=Role.COPY, own="")
    if seat is not None and ledger.state.committed is not None:
        _open_runs.append(ledger)
    return seat


def candidate_seat(flags: Flags) -> Seat | None:
    """The seat of a version on trial; None where nobody tries this process."""
    if "REAGENT_TRIAL" not in os.environ:
        return None
    from reagent.adapters.trials import adopted  # noqa: PLC0415 - in a trial only

    parent = adopted()
    if parent is None:
        return None
    seat = _seat(SystemFiles(), os.path.abspath(flags.agent_dir), Role.CANDIDATE)
    return replace(seat, tell=parent.tell)


def seat_for_orders(folder: str) -> Seat:
    """A seat for a command, in a folder where no agent runs: orders are taken as by its version.

    Args:
        folder: absolute.

    Raises:
        Refused: there is no such folder.
    """
    if not os.path.isdir(folder):
        from reagent.errors import Refused  # noqa: PLC0415 - rare

        raise Refused(f"there is no agent in {folder}: it is no folder (-agentDir names another)")
    files = SystemFiles()
    return _seat(files, folder, Role.PROVEN, links.look(files, folder).active)


def version_by_its_word(seat: Seat) -> str:
    """The version that would try what is staged in a folder where no agent runs: active's.

    Its file's name may not tell (the factory's), and the command may be another version.

    Raises:
        Refused: nobody would: `Reagent-active` names nothing, or an agent that knows no trials.
    """
    from reagent.errors import Refused  # noqa: PLC0415 - rare

    if not seat.own:
        raise Refused(f"{seat.folder}: {ACTIVE} names nothing (reagent update repair mends it)")
    path = f"{seat.folder}/{seat.own}"
    said = _launch_checked(path, path, b"")
    if not said:
        raise Refused(
            f"{ACTIVE} names {seat.own}, which knows nothing of trials, or cannot be run: it obeys"
            " no orders. Under the agent from before, put the new file beside it as"
            f" {VERSION_FILE}<version>: its manager script starts the newest one"
        )
    return said[1] if len(said) > 1 else version_of(seat.own)


def hand_over(seat: Seat, program: str, words: Sequence[str]) -> None:
    """Become what `Reagent-active` names now; the lock is let go by that.

    Raises:
        OSError: it cannot be executed; this process is what it was.
    """
    _Here(program, words).become(f"{seat.folder}/{ACTIVE}")


def stopped_early() -> None:
    """An orderly end, where ends are counted: a stop before the agent listened, or a named error.

    Called as the last thing before the process ends, from a signal handler too.
    """
    from reagent.updates import judge  # noqa: PLC0415 - it is there where there is an open run

    for ledger in _open_runs:
        with suppress(Exception):
            ledger.change(judge.run_closed)


def answer_launch_check(content: bytes) -> str:
    """What a candidate says to its parent before the commit: would it start, on this state?

    Args:
        content: `updates.json` as it will be.

    Returns:
        One word and the version; the first is `ready` when it would be the agent.
    """
    from reagent.updates.decide import Act, Facts, decide  # noqa: PLC0415 - once in a life

    facts = Facts(
        own="us",
        own_size=-1,
        version=stamp.VERSION,
        state=decode(content),
        links=links.Links(active="us", previous="before", latest="us"),
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


class _Here:
    """Implements `updates.turn.Machine`.

    Args:
        program: argv[0] as it was typed.
        words: the rest of argv.
    """

    def __init__(self, program: str, words: Sequence[str]) -> None:
        self._command = [program, *words]
        self._signals: Signals | None = None
        self.boot = _boot_id()

    def now(self) -> float:
        """See the protocol."""
        return time.time()

    def monotonic(self) -> float:
        """See the protocol."""
        return time.monotonic()

    def start(self, path: str) -> Child:
        """See the protocol."""
        from reagent.adapters.trials import Candidate, Signals  # noqa: PLC0415 - in a trial

        note(
            READY
        )  # the version is chosen: whoever waits for the service need not wait for its proof
        environment = deputed(os.environ)
        environment.pop(LAUNCHED, None)
        return Candidate(path, self._command, environment, self._signals or Signals())

    def would_start(self, path: str, state: bytes) -> bool:
        """See the protocol."""
        return bool(_launch_checked(self._command[0], path, state))

    def listen(self) -> None:
        """See the protocol."""
        from reagent.adapters.trials import Signals  # noqa: PLC0415 - in a trial

        self._signals = Signals().__enter__()

    def unlisten(self) -> None:
        """See the protocol."""
        signals, self._signals = self._signals, None
        if signals is not None:
            signals.__exit__(None, None, None)

    def wait(self, seconds: float) -> bool:
        """See the protocol."""
        return self._signals is not None and self._signals.wait(seconds)

    def become(self, path: str) -> None:
        """See the protocol; argv[0] stays what it was. The service of Windows does it for us."""
        if sys.platform == "win32":
            from reagent.updates.windows.launch import HAND_OVER  # noqa: PLC0415 - see above

            raise SystemExit(HAND_OVER)
        os.environ[LAUNCHED] = repr(time.monotonic())
        log.flush_streams()
        os.execv(path, self._command)  # noqa: S606 - no shell is the point


def _seat(files: SystemFiles, folder: str, role: Role, own: str = "") -> Seat:
    return Seat(
        role=role,
        folder=folder,
        files=files,
        ledger=Ledger(files, folder),
        times=Times.of(os.environ),
        own=own,
        boot=_boot_id(),
    )


def _launch_checked(program: str, path: str, state: bytes) -> list[str]:
    """What a file says that would be the agent on this state, its version too; else nothing."""
    from reagent.adapters.trials import ask  # noqa: PLC0415 - rare

    said = ask((program, LAUNCH_CHECK), path, state, LAUNCH_CHECK_S).split()
    return said if said[:1] == [_READY] else []


def _place(  # noqa: PLR0911 - reasons, one after the other
    program: str, agent_dir: str, files: SystemFiles
) -> tuple[str, str, str]:
    """The folder, our file in it, and why we have no say there; empty when we have.

    On Windows the service says so (`adapters.windows.seating`). Elsewhere we have it when the
    `Reagent-active` that was started is a link to this very file.
    """
    if sys.platform == "win32":
        from reagent.adapters.windows import seating  # noqa: PLC0415 - on Windows alone

        return seating.place(agent_dir, files)
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


def _own_name(folder: str) -> str:
    """Our file's name there, however it was started; empty where it is not there."""
    name = os.path.basename(sys.executable)
    with suppress(OSError):
        if stamp.FREEZER != "source" and os.path.samestat(
            os.lstat(f"{folder}/{name}"), _own_file(sys.executable)
        ):
            return name
    return ""


def _own_file(started_as: str) -> os.stat_result:
    if stamp.FREEZER == "source":
        return os.stat(started_as)  # an interpreter runs us, and says nothing about versions
    try:
        # Opened, not asked for by name: an emulator of another processor answers that with itself.
        descriptor = os.open("/proc/self/exe", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return os.stat(sys.executable)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _boot_id() -> str:
    if sys.platform == "win32":
        from reagent.adapters.windows import seating  # noqa: PLC0415 - on Windows alone

        return seating.boot_id()
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"
