"""Ends what we started even when we are killed ourselves.

One small process beside each sandbox process holds the reading end of a pipe. We tell it what to
end, and what to forget; when the pipe closes, for whatever reason, it ends the rest. A process is
named by its id *and* its start time, so that an id that was given away again is never hit.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

GRACE_S: Final = 5.0
BINFMT: Final = "/proc/sys/fs/binfmt_misc"


def started_at(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot; None when none lives."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def processes_naming(path: str) -> list[int]:
    """The processes with `path`, or something below it, among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(w == path or w.startswith(path + "/") or f"={path}/" in w for w in words):
            found.append(int(entry.name))
    return found


def kill_shims(run_dir: str) -> None:
    """End the container shims of an engine that lived in `run_dir`, and their containers.

    A shim outlives its engine on purpose; nobody but us knows that this engine will not return.
    """
    for pid in processes_naming(run_dir):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"containerd-shim" not in words[0]:
            continue
        for child in children(pid):
            _signal(child, signal.SIGKILL)
        _signal(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The direct children of `pid`."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in task.read_text().split()]
    return found


def unmount_below(folder: str) -> None:
    """Take away mounts that an engine left at and below `folder`, the deepest first.

    The system names them by what links on the way lead to: `.cache` may be one.
    """
    folder = str(Path(folder).resolve())
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    points = [line.split(" ")[1].replace("\\040", " ") for line in lines]
    for point in sorted(
        (p for p in points if p == folder or p.startswith(folder + "/")), reverse=True
    ):
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)


def remove_link(name: str) -> None:
    """Remove the network link `name`; one that is not there is fine."""
    if Path(f"/sys/class/net/{name}").exists():
        subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)


def unregister(entry: str) -> None:
    """Take back what binfmt_misc was told under this name."""
    with contextlib.suppress(OSError):
        Path(BINFMT, entry).write_text("-1", encoding="ascii")


def remove_cgroup(folder: str) -> None:
    """End what runs in a control group and in those below, and remove them."""
    with contextlib.suppress(OSError):
        Path(folder, "cgroup.kill").write_text("1", encoding="ascii")
    until = time.monotonic() + GRACE_S
    while Path(folder).exists() and time.monotonic() < until:
        for each, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):  # busy until its last process was buried
                Path(each).rmdir()
        time.sleep(0.02)


class Reaper:
    """Our line to the process that outlives us by a moment. One per process, made when needed."""

    _only: "Reaper | None" = None

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; the reaper acts when we are gone
        )
        atexit.register(self._close)

    @classmethod
    def here(cls) -> "Reaper":
        """The reaper of this process."""
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def watch(self, pid: int) -> None:
        """End `pid` and its process group when we are gone."""
        self._say(f"watch {pid} {started_at(pid)}")

    def forget(self, pid: int) -> None:
        """`pid` has ended as it should."""
        self._say(f"forget {pid}")

    def own(self, kind: str, name: str) -> None:
        """Remove this when we are gone; `kind` is one of `_REMOVE`."""
        self._say(f"own {kind} {name}")

    def disown(self, kind: str, name: str) -> None:
        """It was removed."""
        self._say(f"disown {kind} {name}")

    def _say(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            pipe.write(line.encode() + b"\n")
            pipe.flush()

    def _close(self) -> None:
        pipe = self._process.stdin
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            self._process.wait(GRACE_S * 4)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _signal_group(pid: int, number: int) -> None:
    try:
        mine = os.getpgid(pid) == pid
    except OSError:
        return
    with contextlib.suppress(OSError):
        if mine:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _end(watched: dict[int, int]) -> None:
    alive = [pid for pid, born in watched.items() if started_at(pid) == born]
    for pid in alive:
        _signal_group(pid, signal.SIGTERM)
        _signal_group(pid, signal.SIGCONT)
    until = time.monotonic() + GRACE_S
    while alive and time.monotonic() < until:
        time.sleep(0.05)
        alive = [pid for pid in alive if started_at(pid) == watched[pid]]
    for pid in alive:
        _signal_group(pid, signal.SIGKILL)


def main() -> None:
    """Read what to end until the pipe closes; then end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watched: dict[int, int] = {}
    owned: list[tuple[str, str]] = []
    for line in sys.stdin:
        words = line.split(maxsplit=2)
        if words[0] == "watch" and words[2].strip() != "None":
            watched[int(words[1])] = int(words[2])
        elif words[0] == "forget":
            watched.pop(int(words[1]), None)
        elif words[0] == "own":
            owned.append((words[1], words[2].strip()))
        elif words[0] == "disown":
            with contextlib.suppress(ValueError):
                owned.remove((words[1], words[2].strip()))
    _end(watched)
    for kind, name in reversed(owned):
        _REMOVE[kind](name)


def _remove_folder(name: str) -> None:
    shutil.rmtree(name, ignore_errors=True)


def _remove_engine(folder: str) -> None:
    kill_shims(folder)
    unmount_below(folder)


_REMOVE: Final[dict[str, Callable[[str], None]]] = {
    "folder": _remove_folder,
    "cgroup": remove_cgroup,
    "engine": _remove_engine,  # what one left in its folder
    "link": remove_link,
    "binfmt": unregister,
}


if __name__ == "__main__":
    main()
