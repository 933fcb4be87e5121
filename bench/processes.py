"""Processes from outside: how long one takes from start to end, what a tree of them holds and uses.

Everything is read from /proc, so the measured process does nothing for it.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.reaper import children

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_KB: Final = 1024
_MAPPING: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$")
_FILE: Final = "the executable's, as they are in the file"
_WRITTEN: Final = "the executable's, written to: data, bss"
_HEAP: Final = "malloc: OpenSSL, SQLite, what is larger than 512 bytes"
_MAPPED: Final = "anonymous mappings: Python's small objects, stacks of threads, a second heap"
_STACK: Final = "the first thread's stack"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: the proportional share of all pages, and the part of it that no file backs."""

    pss: int
    anonymous: int


def once(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Run a command to its end with its output thrown away; seconds from spawn to reaped.

    Raises:
        RuntimeError: it did not exit with 0.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, nowhere, each) for each in (0, 1, 2)]
        begun = time.perf_counter()
        pid = os.posix_spawn(command[0], list(command), dict(env or {}), file_actions=actions)
        _, status = os.waitpid(pid, 0)
        took = time.perf_counter() - begun
    finally:
        os.close(nowhere)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {os.waitstatus_to_exitcode(status)}")
    return took


def in_turn(runs: int, *measured: Callable[[], float]) -> list[list[float]]:
    """A B C, A B C, ...: what disturbs the machine for a while disturbs all of them."""
    for each in measured:
        each()  # the first finds cold caches
    found: list[list[float]] = [[] for _ in measured]
    for _ in range(runs):
        for values, each in zip(found, measured, strict=True):
            values.append(each())
    return found


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def memory(pid: int) -> Memory:
    """What the tree of `pid` holds now."""
    pss = anonymous = 0
    for each in tree(pid):
        fields = {}
        for line in Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            fields[name] = rest
        pss += int(fields["Pss"].split()[0]) * _KB
        anonymous += int(fields["Pss_Anon"].split()[0]) * _KB
    return Memory(pss, anonymous)


def pages(pid: int) -> dict[str, int]:
    """PSS of one process by what the pages are."""
    found = dict.fromkeys((_FILE, _WRITTEN, _HEAP, _MAPPED, _STACK), 0)
    program = str(Path(f"/proc/{pid}/exe").readlink())
    what, behind_program = _MAPPED, ""
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="ascii").splitlines():
        head = _MAPPING.match(line)
        if head:
            begin, end, name = head.groups()
            if name == program or (not name and begin == behind_program):
                what, behind_program = _FILE, end
            else:
                what = {"[heap]": _HEAP, "[stack]": _STACK}.get(name, _MAPPED)
        elif line.startswith("Pss:"):
            found[what] += int(line.split()[1]) * _KB
        elif line.startswith("Anonymous:") and what == _FILE:
            # What was written is nobody else's: its share is all of it.
            written = int(line.split()[1]) * _KB
            found[_FILE] -= written
            found[_WRITTEN] += written
    return found


def cpu(pid: int) -> float:
    """Seconds of CPU that the tree of `pid` has used, with children it has waited for."""
    used = 0.0
    for each in tree(pid):
        # The scheduler's count is in nanoseconds, but knows only the living.
        tasks = Path(f"/proc/{each}/task").glob("*/schedstat")
        living = sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks)
        stat = Path(f"/proc/{each}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        own, gone = sum(map(int, stat[11:13])), sum(map(int, stat[13:15]))
        # Threads that ended are in the process's own ticks, and in no task any more.
        used += max(living / 1e9, own * _TICK_S) + gone * _TICK_S
    return used
