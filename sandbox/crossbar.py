"""Crossbar's own Python environment: large, with pins of its own, made once and kept.

It lives in `.cache/crossbar`. A marker file, written last, holds the digest of the lock file: a
half-made environment, another lock, or a Python that is gone means anew. It need not be the Python
that runs the sandbox.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox.paths import CACHE
from sandbox.processes import SandboxError

Progress = Callable[[str], None]

LOCK: Final = Path(__file__).resolve().parent / "crossbar-requirements.txt"
FOLDER: Final = CACHE / "crossbar"
MARKER: Final = FOLDER / ".complete"


def program() -> Path:
    """The `crossbar` command of that environment."""
    return FOLDER / "bin" / "crossbar"


def is_ready() -> bool:
    """Whether the environment is whole, and made from the lock file as it is now."""
    try:
        whole = MARKER.read_text(encoding="ascii") == _fingerprint()
        # A link: where the Python behind it was removed, it does not exist.
        return whole and program().exists() and (FOLDER / "bin" / "python").exists()
    except OSError:
        return False


def ensure(say: Progress) -> Path:
    """Make the environment unless it is there, and return the `crossbar` command.

    Two that ask at the same time make it once.

    Raises:
        SandboxError: It cannot be made, with the end of what pip said.
    """
    if is_ready():
        return program()
    with _alone():
        if not is_ready():
            _make(say)
    return program()


def _make(say: Progress) -> None:
    started = time.monotonic()
    say("making Crossbar's own Python environment (about a minute, once)")
    shutil.rmtree(FOLDER, ignore_errors=True)
    _step([sys.executable, "-m", "venv", str(FOLDER)], within=120)
    python = str(FOLDER / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The lock names everything, so there is nothing to resolve; modules compile when first used.
    _step([*install, "--no-deps", "--no-compile", "--requirement", str(LOCK)], within=900)
    _step([str(program()), "version"], within=120)
    MARKER.write_text(_fingerprint(), encoding="ascii")
    say(f"Crossbar's environment is there ({time.monotonic() - started:.0f} s)")


def _step(command: list[str], within: float) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    try:
        done = subprocess.run(
            command,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=within,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"{' '.join(command[:4])} took more than {within:g} s") from error
    if done.returncode:
        output = (done.stdout + done.stderr).splitlines()[-12:]
        quoted = "\n".join(f"    {line}" for line in output)
        raise SandboxError(f"Crossbar's environment cannot be made:\n{quoted}")


def _fingerprint() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest() + "\n"


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "crossbar.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
