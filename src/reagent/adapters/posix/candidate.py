"""A candidate under its parent, as processes: started, heard, ended; and how it knows its parent.

The candidate gets one pipe to its parent and a process group of its own. It is told both by the
variable `REAGENT_TRIAL`, "parent's process id:descriptor". The static executable's launcher has the
kernel end it with its parent, in C, before anything else; other builds do so in `adopted`. What was
left in the environment and names no pipe means nothing to either, and both say so.
"""

# One line of /proc is read.
# ruff: noqa: PTH123

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from reagent.adapters.stopsignals import StopSignals
from reagent.updates.parent import Heard

TRIAL: Final = "REAGENT_TRIAL"
# What a child says between two looks; more than that is no report.
_MOST_LINES: Final = 1 << 16


class Signals(StopSignals):
    """See there. What wakes a wait is the end of a child, too."""

    def __init__(self) -> None:
        super().__init__()
        self._waker = -1
        self.woken, self._wake = -1, -1

    def __enter__(self) -> Self:
        self.woken, self._wake = os.pipe()
        for end in (self.woken, self._wake):
            os.set_blocking(end, False)
        super().__enter__()
        self.take(signal.SIGCHLD, lambda _number, _frame: None)
        self._waker = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._waker)
        super().__exit__(kind, error, trace)
        os.close(self.woken)
        os.close(self._wake)

    def pause(self, seconds: float) -> None:
        """See there."""
        _poll((self.woken,), seconds)
        self.drain()

    def drain(self) -> None:
        """Forget what woke us."""
        with suppress(BlockingIOError):
            while os.read(self.woken, 512):
                pass


class Candidate:
    """Implements `updates.parent.Child`.

    Args:
        path: the executable.
        words: its argv, argv[0] included.
        signals: open for as long as this lives.

    Raises:
        OSError: it cannot be started; nothing is left of it.
    """

    def __init__(
        self, path: str, words: Sequence[str], environment: Mapping[str, str], signals: Signals
    ) -> None:
        self._signals = signals
        self._status: int | None = None
        self._rest = b""
        self._pipe, theirs = os.pipe()
        try:
            os.set_blocking(self._pipe, False)
            os.set_inheritable(theirs, True)  # noqa: FBT003
            told = {**environment, TRIAL: f"{os.getpid()}:{theirs}"}
            self._pid = _spawned(path, words, told)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    def hear(self, within: float) -> Heard:
        """See the protocol."""
        if not self._signals.stop and self._running():
            pipes = (self._signals.woken, *(() if self._pipe < 0 else (self._pipe,)))
            _poll(pipes, within)
            self._signals.drain()
        lines = self._lines()
        self._running()
        return Heard(lines, self._status, self._signals.stop)

    def end(self, within: float) -> None:
        """See the protocol."""
        until = time.monotonic() + within
        if self._running():
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
        while self._running() and (left := until - time.monotonic()) > 0:
            self._signals.pause(min(left, 1.0))
        self.kill()

    def kill(self) -> None:
        """See the protocol."""
        if self._status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            _, status = os.waitpid(self._pid, 0)
            self._status = os.waitstatus_to_exitcode(status)
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _running(self) -> bool:
        if self._status is not None:
            return False
        if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return True
        # Before it is reaped its group's number is still its own: whatever it left behind ends too.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        return False

    def _lines(self) -> tuple[str, ...]:
        if self._pipe < 0:
            return ()
        said = bytearray(self._rest)
        while len(said) < _MOST_LINES:
            try:
                chunk = os.read(self._pipe, 4096)
            except BlockingIOError:
                break
            if not chunk:
                os.close(self._pipe)
                self._pipe = -1
                break
            said += chunk
        whole, _, self._rest = bytes(said).rpartition(b"\n")
        if len(self._rest) >= _MOST_LINES:
            self._rest = b""
        return tuple(whole.decode("ascii", "replace").splitlines())


class Parent:
    """The other end, in the candidate: says lines, and never waits for anybody to read them."""

    def __init__(self, pipe: int) -> None:
        os.set_inheritable(pipe, False)  # noqa: FBT003
        os.set_blocking(pipe, False)
        self._pipe = pipe

    def tell(self, line: str) -> None:
        """Say a line; one that finds no room is lost. Without a parent there is nothing to try."""
        try:
            os.write(self._pipe, line.encode("ascii") + b"\n")
        except BrokenPipeError:
            os._exit(1)
        except OSError:
            return


def adopted() -> Parent | None:
    """Who tries us; None where nobody does, whatever the environment says.

    Nothing that is started from here sees the variable.
    """
    told = os.environ.pop(TRIAL, "")
    try:
        parent, pipe = (int(word) for word in told.split(":"))
        if pipe <= 2 or not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            pipe = -1
    except (ValueError, OSError, OverflowError):
        parent = pipe = -1
    if pipe < 0:
        if told:
            _complain(f"{TRIAL} is set, and nobody tries this version: it is ignored")
        return None
    if not _ends_with_its_parent() or not _descends_from(parent):
        # It is gone already, or we could outlive it: two agents would run one day.
        _complain(f"process {parent}, which tried this version, is not its parent (any more)")
        os._exit(1)
    return Parent(pipe)


def _complain(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"reagent: {text}\n".encode())


def ask(command: Sequence[str], program: str, content: bytes, within: float) -> str:
    """What a program answers to this input; empty when it does not, in time and with status 0.

    Args:
        command: its argv.
        program: the file that is run.
        content: its standard input.
        within: seconds; then it is ended with its group.
    """
    import subprocess  # noqa: PLC0415 - a start without a trial asks nobody

    environment = {name: word for name, word in os.environ.items() if name != TRIAL}
    try:
        running = subprocess.Popen(
            command,
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # for nobody; /dev/null is not everywhere
            env=environment,
            process_group=0,
        )
    except OSError:
        return ""
    with running:
        try:
            said, _ = running.communicate(content, within)
        except (subprocess.TimeoutExpired, OSError):
            said = b""
            running.returncode = None
        with suppress(ProcessLookupError, PermissionError):
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    return said.decode("utf-8", "replace") if running.returncode == 0 else ""


def _descends_from(process: int) -> bool:
    """Whether it is our parent, or the parent of the boot loader that is ours."""
    parent = os.getppid()
    if parent == process:
        return True
    if not hasattr(sys, "_MEIPASS"):
        return False
    try:
        with open(f"/proc/{parent}/stat", encoding="ascii") as file:
            return int(file.read().rpartition(")")[2].split()[1]) == process
    except (OSError, ValueError, IndexError):
        return False


def _poll(descriptors: Sequence[int], seconds: float) -> None:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll(max(seconds, 0.0) * 1000)


def _spawned(path: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
    if not hasattr(sys, "_MEIPASS"):
        return os.posix_spawn(path, list(words), environment, setpgroup=0, setsigmask=())
    from reagent.adapters.posix.unpacked import spawn_tied  # noqa: PLC0415 - not static

    return spawn_tied(path, words, environment)


def _ends_with_its_parent() -> bool:
    """Whether the kernel ends us when our parent ends."""
    if "_reagent" in sys.builtin_module_names:
        return True  # done in C, before anything of us ran
    from reagent.adapters.posix.unpacked import ends_with_its_parent  # noqa: PLC0415 - not static

    return ends_with_its_parent()
