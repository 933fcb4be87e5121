"""The programs that a build has started: a stop ends all of them, whichever thread waits for one.

Each runs in a session of its own, so that Ctrl-C is this process's to answer: it lets what it has
begun be tidied up by whoever began it.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Final

from reagent_build.errors import BuildError

_RUNNING: Final[set[subprocess.Popen[bytes]]] = set()
_LOCK: Final = Lock()
# What does not end when asked to is killed. A docker client waits for its container, which does not
# hear of it and is removed after that.
_GRACE_S: Final = 3


class StoppedError(BuildError):
    """Somebody asked for the build to end."""


class _State:
    stopping = False


def run(
    command: Sequence[str | Path],
    *,
    stdin: bytes | IO[bytes] = b"",
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
    tidying: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end. `tidying`: also while the build is being stopped.

    Raises:
        StoppedError: the build was stopped.
        subprocess.TimeoutExpired: the program took longer than `timeout` seconds.
    """
    given = stdin if isinstance(stdin, bytes) else None
    with _LOCK:
        if _State.stopping and not tidying:
            raise StoppedError("stopped")
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        if not tidying:
            _RUNNING.add(child)
    try:
        out, err = child.communicate(given, timeout)
    except BaseException:
        _signal(child, signal.SIGKILL)
        child.communicate()
        raise
    finally:
        with _LOCK:
            _RUNNING.discard(child)
    if _State.stopping and not tidying:
        raise StoppedError("stopped")
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


def stop() -> None:
    """End them, and let none begin any more."""
    with _LOCK:
        _State.stopping = True
        running = tuple(_RUNNING)
    for child in running:
        _signal(child, signal.SIGTERM)
    for child in running:
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            _signal(child, signal.SIGKILL)


def begin() -> None:
    """Let programs begin again, after a stop."""
    with _LOCK:
        _State.stopping = False


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the program and to what it has started itself."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def is_alive(process: int) -> bool:
    """Whether there is a process of that number; one of somebody else counts."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
