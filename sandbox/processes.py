"""A program of ours: started with its output in a file, waited for, ended within a bound."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from sandbox.reaper import Reaper

POLL_S: Final = 0.02


class SandboxError(Exception):
    """Something in the sandbox did not come up; the text is for the person who started it."""


class Child:
    """One program in a process group of its own, known to the reaper until it has ended."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        Reaper.here().watch(self.pid)

    @property
    def pid(self) -> int:
        """The id of the program, and of its process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], within: float) -> None:
        """Wait until `ready()`.

        Raises:
            SandboxError: It ended first, or took too long, with the end of its log.
        """
        until = time.monotonic() + within
        while not ready():
            if not self.running:
                raise SandboxError(
                    f"{self.name} ended with status {self._process.returncode}:\n{self.tail()}"
                )
            if time.monotonic() > until:
                raise SandboxError(f"{self.name} was not ready in {within:g} s:\n{self.tail()}")
            time.sleep(POLL_S)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self, within: float = 5.0) -> None:
        """Ask it to end, insist after `within` seconds. What is left of its group goes too."""
        if self.running:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
        self.kill()

    def kill(self) -> None:
        """End the whole group at once."""
        self.send(signal.SIGKILL)
        self._process.wait()
        Reaper.here().forget(self.pid)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def free_port() -> int:
    """A loopback TCP port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        return int(port)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def run(command: Sequence[str], within: float = 60.0) -> str:
    """Run a short command and return what it printed; a failure is an error that quotes it."""
    try:
        done = subprocess.run(
            list(command), check=False, capture_output=True, text=True, timeout=within
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise SandboxError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


class OneChild:
    """What a service of the sandbox is that consists of one program."""

    def __init__(self) -> None:
        self._child: Child | None = None

    def freeze(self) -> None:
        """Let every peer wait: connections stay open and nothing is answered, as on a dead link."""
        if self._child is not None:
            self._child.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        if self._child is not None:
            self._child.send(signal.SIGCONT)


def put_private(path: Path, text: str) -> None:
    """Replace a file that a running service may be reading, mode 0600."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
