"""A version below the one that supervises it, on Windows: started, heard, asked to stop, ended.

There are no signals here, and a boot loader may stand between the two. So what is said goes through
the standard streams: below comes up one line at a time on the output, `stop` or the end of the
input asks for an end. Whoever is asked raises a signal in itself, which everything else heeds.
`REAGENT_TRIAL` tells a version that it is on trial, `REAGENT_SERVICE` that it is the service's.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from reagent.adapters.beside import Group
from reagent.adapters.stopsignals import Stops, StopSignals
from reagent.updates.parent import Heard

TRIAL: Final = "REAGENT_TRIAL"
SERVICE: Final = "REAGENT_SERVICE"
STOP: Final = b"stop\n"
# A program that unpacks itself takes one that was started by itself for a part of itself.
_FRESH: Final = {"PYINSTALLER_RESET_ENVIRONMENT": "1"}
_ON_TRIAL: Final = {TRIAL: "1"}
# A lock that is waited for hears no signal on Windows.
_LOOK_EVERY_S: Final = 0.25
# What a child says in one line; more than that is no report.
_LONGEST_LINE: Final = 4096
# When a program ended, what it said is read to its end; what it left behind may hold that open.
_DRAINED_S: Final = 1.0


class Signals(StopSignals):
    """See there. Nothing wakes a wait here."""

    def pause(self, seconds: float) -> None:
        """See there."""
        pause(seconds)


def pause(seconds: float) -> None:
    """Wait so long, but no longer than an order to stop may go unheard."""
    time.sleep(min(seconds, _LOOK_EVERY_S))


class Candidate:
    """Implements `updates.parent.Child`.

    Args:
        path: the executable.
        words: its argv; the first is told to nobody, Windows knows programs by their paths.
        signals: tells of a stop for as long as this lives.
        role: what it is, by one of the two variables.
        group: keeps it and what it begins together; one of its own.

    Raises:
        OSError: it cannot be started; nothing is left of it.
    """

    def __init__(
        self,
        path: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        signals: Stops,
        *,
        role: Mapping[str, str] = _ON_TRIAL,
        group: Group | None = None,
    ) -> None:
        self._signals = signals
        self._group = _own_group() if group is None else group
        self._status: int | None = None
        self._said: queue.SimpleQueue[str | int] = queue.SimpleQueue()
        self._running = subprocess.Popen(
            (path, *words[1:]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_told(environment, role),
            **self._group.options,
        )
        self._group.hold(self._running.pid)
        self._reader = threading.Thread(target=self._listen, name="candidate says", daemon=True)
        self._reader.start()
        threading.Thread(target=self._wait, name="candidate ends", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    def hear(self, within: float) -> Heard:
        """See the protocol."""
        until = time.monotonic() + within
        lines: list[str] = []
        while not self._signals.stop and self._status is None and not lines:
            left = until - time.monotonic()
            self._take(lines, min(max(left, 0.0), _LOOK_EVERY_S))
            if left <= 0:
                break
        while self._take(lines, 0.0):
            pass
        return Heard(tuple(lines), self._status, self._signals.stop)

    def end(self, within: float) -> None:
        """See the protocol."""
        if self._running.stdin is not None:
            with suppress(OSError):
                self._running.stdin.write(STOP)
                self._running.stdin.flush()
        with suppress(subprocess.TimeoutExpired):
            self._running.wait(within)
        self.kill()

    def kill(self) -> None:
        """See the protocol."""
        self._group.end(force=True)
        with suppress(OSError):  # where there are no groups
            self._running.kill()
        self._status = self._running.wait()
        if self._running.stdin is not None:
            with suppress(OSError):
                self._running.stdin.close()
        self._reader.join(_DRAINED_S)

    def _take(self, lines: list[str], within: float) -> bool:
        try:
            said = self._said.get(timeout=within) if within > 0 else self._said.get_nowait()
        except queue.Empty:
            return False
        if isinstance(said, int):
            self._status = said
        else:
            lines.append(said)
        return True

    def _listen(self) -> None:
        stream = self._running.stdout
        if stream is None:
            return
        with stream:
            while line := stream.readline(_LONGEST_LINE):
                self._said.put(line.decode("ascii", "replace").strip())

    def _wait(self) -> None:
        status = self._running.wait()
        # What it left behind ends with it, and lets go of its output.
        self._group.end(force=True)
        self._reader.join(_DRAINED_S)
        self._said.put(status)


class Parent:
    """The other end, in the candidate: says lines to whoever supervises it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, line: str) -> None:
        """Say a line. Without a parent there is nothing to try."""
        try:
            os.write(self._descriptor, line.encode("ascii") + b"\n")
        except OSError:
            os._exit(1)


def adopted() -> Parent | None:
    """Who tries us; None where nobody does.

    Nothing that is started from here sees the variable, or writes to the line.
    """
    if not os.environ.pop(TRIAL, ""):
        return None
    try:
        line = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    except OSError:
        return None
    heed()
    return Parent(line)


def heed() -> None:
    """From now on a stop that is asked for on the standard input is a signal, and so is its end."""
    threading.Thread(target=_heed, name="orders", daemon=True).start()


def _heed() -> None:
    with suppress(OSError):
        while os.read(0, 64) not in (b"", STOP, STOP.replace(b"\n", b"\r\n")):
            pass
    signal.raise_signal(signal.SIGTERM)


def ask(command: Sequence[str], program: str, content: bytes, within: float) -> str:
    """What a program answers to this input; empty when it does not, in time and with status 0.

    Args:
        command: its argv; the first is told to nobody.
        program: the file that is run.
        content: its standard input.
        within: seconds; then it is ended with what it began.
    """
    group = _own_group()
    try:
        running = subprocess.Popen(
            (program, *command[1:]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_told(os.environ, {}),
            **group.options,
        )
    except OSError:
        return ""
    group.hold(running.pid)
    with running:
        try:
            said, _ = running.communicate(content, within)
        except (subprocess.TimeoutExpired, OSError):
            said = b""
        status = running.poll()
        group.end(force=True)
        if status is None:
            running.kill()
    return said.decode("utf-8", "replace") if status == 0 else ""


def _told(environment: Mapping[str, str], role: Mapping[str, str]) -> dict[str, str]:
    kept = {name: word for name, word in environment.items() if name not in (TRIAL, SERVICE)}
    return {**kept, **_FRESH, **role}


def _own_group() -> Group:
    from reagent.adapters.windows import kernel  # noqa: PLC0415 - on Windows alone
    from reagent.adapters.windows.processes import Job  # noqa: PLC0415 - see above

    return Job(kernel)
