"""Interpreters to compare `-version` with: of the agent's minor version, where there is one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MINOR: Final = (3, 13)
_NAME: Final = f"python{MINOR[0]}.{MINOR[1]}"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that works: the file itself, no shim in front of it."""

    file: str
    version: str

    @property
    def bare_start(self) -> list[str]:
        """As little as it can do."""
        return [self.file, "-I", "-S", "-c", "0"]

    def shown(self) -> str:
        """For the table."""
        return f"python {self.version} -I -S -c 0"


def of_the_same_minor() -> Interpreter | None:
    """An installed Python of the version that the executable holds."""
    for candidate in _candidates():
        found = _ask(candidate)
        if found is not None and found.version.startswith(f"{MINOR[0]}.{MINOR[1]}."):
            return found
    return None


def of_the_system() -> Interpreter | None:
    """The distribution's Python, whatever its version."""
    return _ask("/usr/bin/python3")


def _candidates() -> Iterator[str]:
    yield f"/usr/bin/{_NAME}"
    yield from (found for found in [shutil.which(_NAME)] if found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{MINOR[0]}.{MINOR[1]}.*/bin/{_NAME}")))


def _ask(command: str) -> Interpreter | None:
    asked = "import sys; print(sys.executable, sys.version.split()[0])"
    try:
        done = subprocess.run(
            [command, "-I", "-S", "-c", asked], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    file, _, version = done.stdout.strip().rpartition(" ")
    return Interpreter(file, version) if done.returncode == 0 and file else None
