"""`repair.cmd`: puts a `reagent.exe` back where none is, and starts the service. Pure.

The one state that no version can mend, because none runs: an agent of the field failed between its
renames, or a scanner took the file away. A task of the system runs this at every start of Windows.
"""

from __future__ import annotations

from typing import Final

from reagent.updates.windows.swap import LAUNCHER, PREVIOUS_LAUNCHER

NAME: Final = "repair.cmd"
_LINES: Final = (
    "@echo off",
    "rem Written by `reagent service install`.",
    "setlocal",
    'cd /d "%~dp0" || exit /b 1',
    f'if exist "{LAUNCHER}" goto start',
    f'if exist "{PREVIOUS_LAUNCHER}" (',
    f'  move /y "{PREVIOUS_LAUNCHER}" "{LAUNCHER}"',
    "  goto start",
    ")",
    'for /f "delims=" %%f in (\'dir /b /a-d /o-d "reagent-v*.exe"\') do (',
    f'  copy /y "%%f" "{LAUNCHER}"',
    "  goto start",
    ")",
    ":start",
    "sc start {service}",
    "exit /b 0",
)


def text(service: str) -> bytes:
    """The script, with the line ends that `cmd` needs."""
    return "".join(f"{line}\r\n" for line in _LINES).replace("{service}", service).encode("ascii")
