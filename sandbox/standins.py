"""Programs that a device must not reach, since it shares the machine with whoever tries it.

A device may be told to reboot, to power off and to restart its service. Here it finds programs of
these names that write down that they were called, before it finds the machine's.
"""

import shlex
from pathlib import Path
from typing import Final

NAMES: Final = ("reboot", "poweroff", "halt", "shutdown", "systemctl")
_NOTES: Final = "called.txt"


class StandIns:
    """A folder for the beginning of PATH. Every name in it is harmless from the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            self.put(name)

    def put(self, name: str, *, status: int = 0, says: str = "") -> None:
        """A program of this name writes down its call, says something on stderr and ends so."""
        notes = shlex.quote(str(self.folder / _NOTES))
        script = self.folder / name
        script.write_text(
            "#!/bin/sh\n"
            f'echo "{name} $*" >> {notes}\n'
            f"echo {shlex.quote(says)} >&2\n"
            f"exit {status}\n",
            encoding="utf-8",
        )
        script.chmod(0o755)

    @property
    def called(self) -> list[str]:
        """What was called so far, with its arguments."""
        notes = self.folder / _NOTES
        if not notes.exists():
            return []
        return [line.strip() for line in notes.read_text(encoding="utf-8").splitlines()]
