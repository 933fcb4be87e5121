"""One agent per device: a named mutex, the reference's (docs/contract/system.md 2.6).

The kernel lets go of it when the process ends, however it ends. `REAGENT_RUN_DIR` makes another
name of it, so that several agents can be tried on one machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from reagent import log
from reagent.errors import Failed

MUTEX: Final = "Global\\ironflock-reagent"

_log = log.get(__name__)

Hold = Callable[[str], tuple[int, bool]]


class AlreadyRunning(Failed):
    """Another agent holds this device."""

    slug = "already-running"


class NeedsElevation(Failed):
    """Whether another agent runs cannot be found out as this user."""

    slug = "needs-elevation"


@contextmanager
def only_agent(agent_dir: str) -> Iterator[None]:
    """Be the only agent of this device until the block ends, or the process, however it ends.

    Args:
        agent_dir: the agent directory; a mutex lies in no folder.

    Raises:
        AlreadyRunning: somebody else is.
        NeedsElevation: this user may not know.
    """
    del agent_dir
    from reagent.adapters.windows import kernel  # noqa: PLC0415 - on Windows alone

    handle = held(name(os.environ.get("REAGENT_RUN_DIR", "")), kernel.hold_mutex)
    try:
        yield
    finally:
        if handle:
            kernel.close(handle)


def name(run_dir: str) -> str:
    """The mutex of a run directory; without one the device's."""
    if not run_dir:
        return MUTEX
    return f"{MUTEX}-{sha256(os.path.normcase(run_dir).encode()).hexdigest()[:12]}"


def held(mutex: str, hold: Hold) -> int:
    """Its handle; 0 when nothing can be held, which is said.

    Raises:
        AlreadyRunning: another process has it.
        NeedsElevation: this user may not know.
    """
    try:
        handle, certain = hold(mutex)
    except OSError as error:
        _log.warning("nothing keeps a second agent from starting", error=error)
        return 0
    if handle:
        return handle
    if certain:
        raise AlreadyRunning(
            "another reagent is already running on this device:"
            " stop its service first, for example with `sc stop reagent`"
        )
    raise NeedsElevation("run reagent as an administrator: this user may not take the device")
