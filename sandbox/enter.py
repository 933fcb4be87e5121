"""Enters surroundings of a device's own, then becomes its agent in place: the process id stays.

Run as a program: `enter.py SPECIFICATION COMMAND...`. The specification is a `Surroundings`
(sandbox/roots.py) as JSON. Nothing of it outlives the command: the mounts lie in a mount namespace
of its own, what is written goes to memory.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

_NEWNS, _NEWPID = 0x0002_0000, 0x2000_0000
_NEWCGROUP, _NEWUTS, _NEWIPC = 0x0200_0000, 0x0400_0000, 0x0800_0000
_RDONLY, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 8, 32, 4096, 16384, 1 << 18
_FLAGS = {"ro": _RDONLY, "noexec": _NOEXEC}
_PDEATHSIG = 1

# Loaded before the root is another one.
_LIBC = ctypes.CDLL(None, use_errno=True)


def _checked(what: str, answer: int) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _unshare(flags: int) -> None:
    _checked("unshare", _LIBC.unshare(flags))


def _mount(kind: str, source: str, target: Path, flags: int = 0, data: str = "") -> None:
    words = (source.encode(), bytes(target), kind.encode() or None)
    _checked(
        f"mount {kind} {source} {target}",
        _LIBC.mount(*words, ctypes.c_ulong(flags), data.encode() or None),
    )


def _attach(root: str, kind: str, source: str, target: str, options: str) -> None:
    """One mount; `options` are `ro`, `noexec`, and what else the file system takes."""
    words = [word for word in options.split(",") if word]
    flags = sum(_FLAGS.get(word, 0) for word in words)
    data = ",".join(word for word in words if word not in _FLAGS)
    place = Path(root + target)
    if kind == "bind" and not Path(source).is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    else:
        place.mkdir(parents=True, exist_ok=True)
    if kind == "overlay":
        _mount("tmpfs", "upper", place, 0, "mode=755")
        for name in ("upper", "work"):
            (place / name).mkdir()
        layers = f"lowerdir={source},upperdir={place}/upper,workdir={place}/work"
        _mount("overlay", "overlay", place, 0, layers)
    elif kind == "bind":
        _mount("", source, place, _BIND | _REC)
    elif kind == "remount":
        _mount("", "none", place, _REMOUNT | _BIND | flags)
    else:
        _mount(kind, kind, place, flags, data)


def _put(root: str, files: dict[str, str], copies: list[list[str]], removed: list[str]) -> None:
    for name in [*removed, *files, *(name for _, name in copies)]:
        place = Path(root + name)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    for name in [*files, *(name for _, name in copies)]:
        Path(root + name).parent.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        Path(root + name).write_text(text, encoding="utf-8")
    for source, name in copies:
        shutil.copy(source, root + name)


def _as_a_machine(cgroup: str) -> None:
    """Have a host name, shared memory, and a tree of control groups that are nobody else's."""
    Path(cgroup, "cgroup.procs").write_text("0", encoding="ascii")
    _unshare(_NEWCGROUP | _NEWUTS | _NEWIPC)


def _as_init() -> None:
    """Go on as process 1 of a namespace; the process outside hands signals in and its end out."""
    _unshare(_NEWPID)
    child = os.fork()
    if child == 0:
        _LIBC.prctl(_PDEATHSIG, signal.SIGKILL)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(128 - status if status < 0 else status)


def _see(wanted: dict[str, Any]) -> None:
    """The file system, and where in it the command begins."""
    root = wanted["root"]
    _unshare(_NEWNS)
    _mount("", "none", Path("/"), _REC | _PRIVATE)
    for each in wanted["mounts"]:
        _attach(root, *each)
    # What is put into a root goes to the file system that was mounted there.
    _put(root, wanted["files"], wanted["copies"], wanted["removed"])
    for each in wanted["late_mounts"]:
        _attach(root, *each)
    if root:
        os.chroot(root)
        os.chdir("/")
    if wanted["cwd"] == "deleted":
        gone = Path("/gone")
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()


def _inherit(wanted: dict[str, Any]) -> None:
    """What a process has from whoever starts it."""
    if wanted["umask"] is not None:
        os.umask(wanted["umask"])
    if wanted["open_files"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted["open_files"],) * 2)
    for descriptor in wanted["closed"]:
        os.close(descriptor)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, a service manager not
        signal.signal(number, signal.SIG_DFL)


def main() -> None:
    """Do what the specification says, and become the command."""
    wanted, command = json.loads(sys.argv[1]), sys.argv[2:]
    if wanted["init"]:
        _as_init()
    if wanted["cgroup"]:
        _as_a_machine(wanted["cgroup"])
    _see(wanted)
    environment = {k: v for k, v in os.environ.items() if k not in wanted["unset"]}
    _inherit(wanted)
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main()
