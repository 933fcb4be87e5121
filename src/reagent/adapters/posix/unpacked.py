"""The agent of a build that unpacks itself: PyInstaller's one file, where there is no Docker.

Its boot loader unpacks into a temporary folder, runs us out of it as its child, passes signals on,
waits, and removes the folder. What it does not do is done here: we end with it, programs that we
start find their own libraries, and what an earlier one left that was killed is removed. Whoever
hands over becomes the boot loader of the next version, below its own, which waits for it: nobody
needs what that one unpacked any more, and we empty it.
"""

# Descriptors and names of a temporary folder.
# ruff: noqa: PTH108, PTH112, PTH114, PTH118, PTH120, PTH208

from __future__ import annotations

import fcntl
import os
import re
import signal
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# The boot loader's process id, and what makes the name a new one.
_FOLDER: Final = re.compile(r"_MEI[0-9a-f]{8}")
_OURS: Final = "reagent"
# Held for as long as whoever was unpacked there runs.
_IN_USE: Final = "reagent.in-use"


def settle(words: Sequence[str]) -> None:
    """Before anything else: tie our end to the boot loader's, and give back its environment.

    Args:
        words: the command line; only an agent lives long enough to be killed and to tidy up.
    """
    folder = str(getattr(sys, "_MEIPASS", ""))
    if not folder or not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    if not ends_with_its_parent() or os.getppid() != parent or not _is_our_boot_loader(parent):
        os._exit(1)
    restore(os.environ)
    if "-config" in words:
        with suppress(OSError):
            hold(folder)
            tidy(os.path.dirname(folder))


def ends_with_its_parent() -> bool:
    """Whether the kernel ends us when our parent ends; from now on, where it was not so before."""
    try:
        import ctypes  # noqa: PLC0415 - the static executable has none, and needs none

        prctl = ctypes.CDLL(None, use_errno=True).prctl
        return bool(prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def spawn_tied(path: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Start a program that the kernel ends with us, in a process group of its own; its process id.

    Another version of ours begins as a boot loader, which ties itself to nobody.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess  # noqa: PLC0415 - in a trial only

    running = subprocess.Popen(
        list(words),
        executable=path,
        env=environment,
        close_fds=False,  # what it is to have is inheritable, and nothing else
        process_group=0,
        preexec_fn=ends_with_its_parent,  # noqa: PLW1509 - there are no threads yet
    )
    # Whoever asked waits for it.
    running.returncode = 0
    return running.pid


def restore(environment: MutableMapping[str, str]) -> None:
    """Make it what whoever started the boot loader had, for everything that we start or become.

    Our libraries are for us alone, and the loader has read where they are. Another build of ours
    must not take our folder for its own.
    """
    original = environment.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is None:
        environment.pop("LD_LIBRARY_PATH", None)
    else:
        environment["LD_LIBRARY_PATH"] = original
    environment["PYINSTALLER_RESET_ENVIRONMENT"] = "1"


def hold(folder: str) -> None:
    """Mark a folder as one that is in use, until this process ends, however it ends.

    Raises:
        OSError: it cannot be marked; nobody will remove it then.
    """
    descriptor = os.open(
        os.path.join(folder, _IN_USE), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
    )
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def tidy(temporary: str) -> list[str]:
    """Remove what nobody needs: folders of ours whose boot loader is gone, and whose agent.

    One whose boot loader was killed before it had unpacked us cannot be told from anybody's. Those
    of boot loaders above us whose agent became ours are emptied but for their mark.

    Returns:
        The folders.
    """
    done = []
    above = _above(os.getppid())
    for name in os.listdir(temporary):
        folder = os.path.join(temporary, name)
        if not _FOLDER.match(name):
            continue
        boot_loader = int(name[4:12], 16)
        if boot_loader in above:
            if _is_left(folder, unmarked=False) and _emptied(folder):
                done.append(folder)
        elif not _runs(boot_loader) and _is_left(folder):
            import shutil  # noqa: PLC0415 - rare

            shutil.rmtree(folder, ignore_errors=True)
            done.append(folder)
    return done


def _above(process: int) -> set[int]:
    """A process, and those that it comes from."""
    found: set[int] = set()
    while process > 0 and process not in found:
        found.add(process)
        try:
            with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123
                process = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return found


def _emptied(folder: str) -> bool:
    """Whether anything was in there beside the mark. The folder is its boot loader's to remove."""
    import shutil  # noqa: PLC0415 - rare

    names = [name for name in os.listdir(folder) if name != _IN_USE]
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                os.unlink(path)
    return bool(names)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_left(folder: str, *, unmarked: bool = True) -> bool:
    """Whether it is one of ours that nobody holds: not in another container either.

    Args:
        folder: of any boot loader.
        unmarked: also one that no agent ever held.
    """
    try:
        if os.lstat(folder).st_uid != os.geteuid() or os.path.islink(folder):
            return False
        mark = os.open(os.path.join(folder, _IN_USE), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return unmarked and os.path.isdir(os.path.join(folder, _OURS))
    except OSError:
        return False
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(mark)
    return True


def _is_our_boot_loader(parent: int) -> bool:
    """Whether the parent is the file that we came out of; True where there is no /proc."""
    try:
        ours = os.stat("/proc/self/exe")  # noqa: PTH116
    except OSError:
        return True
    try:
        return os.path.samestat(os.stat(f"/proc/{parent}/exe"), ours)  # noqa: PTH116
    except OSError:
        return False  # it is gone, or somebody else's
