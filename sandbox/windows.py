"""reagent.exe on this machine: wine, with a Windows of its own that is warm while it is used.

A program for Windows cannot be sent signals: `stop` of a device ends it as a power cut would.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.processes import SandboxError

# No menus, no .NET, no browser, no complaints about a missing screen.
VARIABLES: Final = {
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "winemenubuilder.exe,mscoree,mshtml=",
    "XDG_RUNTIME_DIR": "/tmp",
}
_MADE_WITHIN_S: Final = 300


@contextmanager
def windows(folder: Path) -> Iterator[dict[str, str]]:
    """A Windows in `folder`; what is yielded is the environment of programs that run in it.

    Raises:
        SandboxError: wine is not here, or makes none.
    """
    wine, server = packages.program("wine"), packages.program("wineserver")
    if wine is None or server is None:
        raise SandboxError("wine is not installed (Debian: apt-get install wine wine64)")
    environment = VARIABLES | {"WINEPREFIX": str(folder), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [wine, "wineboot", "--init"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=False, env=os.environ | environment,
        timeout=_MADE_WITHIN_S,
    )  # fmt: skip
    if done.returncode:
        raise SandboxError(f"wine makes no Windows in {folder}: status {done.returncode}")
    subprocess.run([server, "--persistent"], check=False, env=os.environ | environment)
    try:
        yield environment
    finally:
        subprocess.run([server, "--kill"], check=False, env=os.environ | environment)
        shutil.rmtree(folder, ignore_errors=True)  # half a gigabyte


@contextmanager
def kept_up(environment: dict[str, str]) -> Iterator[None]:
    """Have that Windows running with its services: without a program they end after a moment.

    Raises:
        SandboxError: it does not come up.
    """
    # Right after it was made two service managers may run, each with half of the truth.
    told = os.environ | environment
    subprocess.run(["wineserver", "--kill"], check=False, env=told)
    with subprocess.Popen(
        ["wine", "cmd"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=told,
    ) as shell:  # fmt: skip
        try:
            if shell.stdout is None or not shell.stdout.readline():
                raise SandboxError("wine runs no cmd")
            yield
        finally:
            subprocess.run(["wineserver", "--kill"], check=False, env=told)


def script(executable: Path, environment: dict[str, str], target: Path) -> Path:
    """What a device can run: `reagent.exe` behind a name of this system."""
    lines = [f"export {name}='{value}'" for name, value in environment.items() if name != "PATH"]
    # wine takes pipes for standard streams, not files that are appended to.
    lines.append(f"exec wine '{executable}' \"$@\" < /dev/null > >(exec cat) 2> >(exec cat >&2)")
    target.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    target.chmod(0o755)
    return target
