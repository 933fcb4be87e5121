"""A program's system calls on some paths: written down, and one of them made to end it or to fail.

strace counts calls by thread, and each kind for itself: the third `fsync` of a thread is a place
that is found again in a second run. Only calls on the paths are traced, the rest runs as ever.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.processes import SandboxError

CHANGING: Final = (
    "open", "openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "chmod", "fchmod",
    "fchmodat", "utimensat", "rename", "renameat", "renameat2", "symlink", "symlinkat", "link",
    "linkat", "unlink", "unlinkat", "mkdir", "mkdirat",
)  # fmt: skip
_LINE: Final = re.compile(r"^(\d+) +(\w+)\((.*)$")
_OPENING: Final = ("open", "openat")
# Of the hundreds of writes of one file these many say everything: the first, some, the last.
_WRITES: Final = 4


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A system call of a run that is found again in the next one.

    Attributes:
        number: which one of its kind, by thread, from 1.
        what: the beginning of its arguments, for people.
    """

    name: str
    number: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens there.

    Attributes:
        inject: as strace has it.
        lasts: every later call of the kind fails, too.
    """

    name: str
    inject: str
    lasts: bool = False


KILL: Final = Fault("SIGKILL", "signal=KILL")
FAULTS: Final = (
    KILL,
    Fault("ENOSPC", "error=ENOSPC", lasts=True),
    Fault("EROFS", "error=EROFS", lasts=True),
    Fault("EIO", "error=EIO"),
)


def traced(paths: Iterable[Path], log: Path, *, quick: bool = True) -> tuple[str, ...]:
    """The beginning of a command line that writes down what the rest changes at these paths.

    The tracer stands aside, in a session of its own: the process is still the one that was started.

    Args:
        paths: of files, links and folders.
        log: where calls are written to.
        quick: only these calls stop the program; signals cannot be had there.

    Raises:
        SandboxError: there is no strace.
    """
    program = packages.program("strace")
    if program is None:
        raise SandboxError(f"Missing:\n{packages.describe([packages.STRACE])}")
    named = [word for path in paths for word in ("-P", str(path))]
    calls = "trace=" + ",".join(CHANGING)
    how = ("--seccomp-bpf",) if quick else ()
    return (
        program, "-DDD", "-f", *how, "-q", "-s", "120", "-o", str(log), *named,
        "-e", calls, "-e", "signal=none",
    )  # fmt: skip


def injected(paths: Iterable[Path], log: Path, call: Call, fault: Fault) -> tuple[str, ...]:
    """The same, and that call comes to that."""
    when = f"{call.number}+" if fault.lasts else str(call.number)
    return (
        *traced(paths, log, quick=fault is not KILL),
        "-e",
        f"inject={call.name}:{fault.inject}:when={when}",
    )


def calls(log: Path) -> tuple[Call, ...]:
    """The places of a run, in their order; one of two that cannot be told apart."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], Call] = {}
    for line in log.read_text("utf-8", "replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        thread, name, what = match.groups()
        seen[thread, name] += 1
        if name in _OPENING and "O_CREAT" not in what:
            continue
        number = seen[thread, name]
        found.setdefault((name, number), Call(name, number, what[:100]))
    return _thinned(list(found.values()))


def failed(log: Path) -> bool:
    """Whether a call of the run was made to fail."""
    return log.exists() and "(INJECTED)" in log.read_text("utf-8", "replace")


def _thinned(found: Sequence[Call]) -> tuple[Call, ...]:
    writes = [each for each in found if each.name == "write"]
    step = max(1, len(writes) // _WRITES)
    kept = {*writes[::step], *writes[-1:]}
    return tuple(each for each in found if each.name != "write" or each in kept)
