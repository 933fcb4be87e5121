"""The service manager: notes to it while we run under it, and orders to it from commands.

Notes go to the socket that the manager names in `NOTIFY_SOCKET` (sd_notify's protocol: one datagram
of lines); where there is none they go nowhere. Orders go through `systemctl`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from reagent.errors import Failed, Unavailable

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
# A stop may take as long as the agent's own bound, and its containers nothing.
_ORDER_S: Final = 90
# A manager whose queue is full takes the note a moment later; a READY that is lost costs the start.
_NOTE_S: Final = 1.0
_WITHIN: Final = "WATCHDOG_USEC"
_USEC: Final = re.compile("[0-9]{1,20}")
_WATCHED: Final = "WATCHDOG_PID"


def note(*lines: str) -> None:
    """Tell the manager; nothing happens where there is none."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    import socket  # noqa: PLC0415 - a command does without

    address = "\0" + place[1:] if place.startswith("@") else place
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(_NOTE_S)
        line.sendto("\n".join(lines).encode(), address)


def watched_within(environment: Mapping[str, str] = os.environ) -> float:
    """Seconds within which the manager wants to hear `ALIVE`; 0.0 where it does not watch us.

    What is meant for another process was only left in the environment (sd_watchdog_enabled(3)).
    """
    if not _is_us(environment.get(_WATCHED, "")):
        return 0.0
    within = environment.get(_WITHIN, "")
    return int(within) / 1_000_000 if _USEC.fullmatch(within) else 0.0


def deputed(environment: Mapping[str, str]) -> dict[str, str]:
    """What a version below us is told, which lives in our stead and is watched as we are."""
    ours = _is_us(environment.get(_WATCHED, ""))
    return {name: word for name, word in environment.items() if name != _WATCHED or not ours}


def _is_us(process: str) -> bool:
    """Nobody in particular is whoever reads it; a boot loader has no other life than ours."""
    unpacked = (os.getppid(),) if hasattr(sys, "_MEIPASS") else ()
    return process in {"", *(str(each) for each in (os.getpid(), *unpacked))}


class Systemctl:
    """Gives orders to the running systemd.

    Raises:
        Unavailable: there is none.
    """

    def __init__(self) -> None:
        import shutil  # noqa: PLC0415 - the agent notes, and orders nothing

        program = shutil.which("systemctl")
        # Its own test for "the system was booted with systemd".
        if program is None or not os.path.isdir("/run/systemd/system"):  # noqa: PTH112 - one look
            raise Unavailable("systemd does not run this system, so it can run no service of ours")
        self._program = program

    def order(self, *words: str) -> None:
        """Have it done.

        Raises:
            Failed: it refuses, or does not answer; the text is its own.
        """
        status, said = self._run(words)
        if status:
            raise Failed(f"systemctl {' '.join(words)}: {said or f'exit status {status}'}")

    def ask(self, *words: str) -> str:
        """One word as an answer, whatever the exit status says."""
        return self._run(words)[1]

    def _run(self, words: tuple[str, ...]) -> tuple[int, str]:
        import subprocess  # noqa: PLC0415 - see __init__

        try:
            done = subprocess.run(
                (self._program, *words),
                capture_output=True,
                text=True,
                check=False,
                timeout=_ORDER_S,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"systemctl {' '.join(words)}: {error}") from error
        return done.returncode, (done.stderr.strip() or done.stdout.strip()).split("\n")[0]
