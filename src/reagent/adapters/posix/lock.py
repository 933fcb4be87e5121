"""One agent per device (docs/contract/system.md 2.6).

Two agents with one device file throw each other out of the router for ever, so the second is told
to stop the first. What is locked is a folder that only its owner can write to: /run/reagent, or
where that cannot be, the agent directory. A folder needs no file in it, so a full or read-only disk
is no obstacle. `REAGENT_RUN_DIR` names another folder; then only that lock counts, and several
agents can be tried on one machine.

The reference's lock in /tmp is taken as well, so that either agent sees the other. Anybody can
write to /tmp, and open a folder, so a lock counts only when root, or this user, holds it: nobody
else can keep a device offline with one. Any other trouble with the file in /tmp is none of ours.
"""

# What is done here is done to descriptors.
# ruff: noqa: PTH101, PTH103, PTH112, PTH116, PTH123

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from reagent import log
from reagent.errors import Failed

RUN_DIR: Final = "/run/reagent"
REFERENCE_LOCK: Final = "/tmp/ironflock-reagent.lock"  # noqa: S108 - the reference is bound to it
_ATTEMPTS: Final = 5
# The agent directory is one of those that others may look into (docs/contract/system.md 2.4).
_PRIVATE: Final = 0o700
_SHARED: Final = 0o755

_log = log.get(__name__)


class AlreadyRunning(Failed):
    """Another agent holds this device."""

    slug = "already-running"

    def __init__(self, holder: int | None) -> None:
        who = "" if holder is None else f" (process {holder})"
        super().__init__(
            f"another reagent is already running on this device{who}:"
            " stop its service first, for example with `systemctl stop reagent`"
        )


class _Untrusted(OSError):
    """A stranger holds the lock, who has no say in it."""


def lock_folders(agent_dir: str) -> dict[str, int]:
    """The folders that may be locked, the first one first, with the modes that belong to them."""
    chosen = os.environ.get("REAGENT_RUN_DIR", "")
    return {chosen: _PRIVATE} if chosen else {RUN_DIR: _PRIVATE, agent_dir: _SHARED}


@contextmanager
def only_agent(agent_dir: str, reference_lock: str = REFERENCE_LOCK) -> Iterator[None]:
    """Be the only agent of this device until the block ends, or the process, however it ends.

    No program that is started inherits the locks.

    Args:
        agent_dir: the agent directory; made where it is needed and missing.
        reference_lock: the file that the reference locks.

    Raises:
        AlreadyRunning: somebody else is.
    """
    held: list[int] = []
    try:
        _hold_first(held, lock_folders(agent_dir))
        if not os.environ.get("REAGENT_RUN_DIR"):
            with suppress(OSError):
                held.append(_locked(reference_lock, _open_shared_file))
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def _hold_first(held: list[int], folders: dict[str, int]) -> None:
    """Lock the first folder that can be; where none can, say so and go on without.

    One that is missing is made, with the mode that belongs to it.
    """
    trouble = ""
    for folder, mode in folders.items():
        try:
            if not os.path.isdir(folder):
                os.makedirs(folder, exist_ok=True)
                os.chmod(folder, mode)
            held.append(_locked(folder, _open_folder))
        except OSError as error:
            trouble = f"{folder}: {error.strerror or error}"
        else:
            return
    _log.warning("nothing keeps a second agent from starting", error=trouble)


def _locked(path: str, opened: Callable[[str], int]) -> int:
    """An open, locked descriptor of what stands at the path now.

    Raises:
        AlreadyRunning: root or this user holds it.
        OSError: it cannot be opened or locked.
    """
    for _ in range(_ATTEMPTS):
        descriptor = opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever unlinked the path in between would lock another file of the same name.
            if os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False)):
                return descriptor
        except BlockingIOError as error:
            holder = _holder(os.fstat(descriptor))
            os.close(descriptor)
            if holder is not None and not _has_a_say(holder):
                raise _Untrusted(f"process {holder} holds {path}") from error
            if holder is None and opened is _open_shared_file:
                raise _Untrusted(f"nobody knows who holds {path}") from error
            raise AlreadyRunning(holder) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(f"{path} does not stay the same")


def _open_folder(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def _open_shared_file(path: str) -> int:
    """Open a file that anybody may have put there: follow no link, wait for no pipe, write nothing.

    Opened without O_CREAT first: for a file of somebody else in a sticky folder the kernel refuses
    O_CREAT even to root.
    """
    safely = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(path, safely)
    except FileNotFoundError:
        descriptor = os.open(path, safely | os.O_CREAT | os.O_EXCL, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    return descriptor


def _holder(found: os.stat_result) -> int | None:
    """The process that holds the lock, as far as the kernel tells; None where it does not."""
    with suppress(OSError, ValueError), open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            words = line.split()
            # "1: FLOCK  ADVISORY  WRITE 1234 08:01:5242 0 EOF"; "->" marks one that only waits.
            if words[1:2] == ["FLOCK"] and words[5].rpartition(":")[2] == str(found.st_ino):
                return int(words[4]) or None  # 0: a process of another pid namespace
    return None


def _has_a_say(process: int) -> bool:
    try:
        owner = os.stat(f"/proc/{process}").st_uid
    except OSError:
        return False  # it ended meanwhile
    return owner in {0, os.getuid()}
