"""Bounds for what the host of a device logs, so that logs do not fill its disk (apps.md 8.5).

Put where they are missing, at every start, and only on a device: on somebody's laptop the engine
and the journal are not ours (docs/compatibility.md). What is set already stays as it is. The
engine takes notice when it starts next.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reagent import log
from reagent.aio.supervise import Tasks
from reagent.aio.threads import in_thread
from reagent.errors import Failed, ReagentError
from reagent.settings import atomic
from reagent.settings.flags import BUILT_IN_AGENT_DIR

if TYPE_CHECKING:  # a start runs no program
    from reagent.contracts.processes import Processes

_log = log.get(__name__)

# Where a device has its service, whoever installed it.
UNIT: Final = "etc/systemd/system/reagent.service"
# Drivers that know these options; another one would refuse them, and the engine its start.
_BOUNDED: Final = frozenset({"json-file", "local"})
_BOUNDS: Final = {"max-size": "10m", "max-file": "3"}
_JOURNAL: Final = b"[Journal]\nSystemMaxUse=200M\n"
_MODE: Final = 0o644
_WITHIN_S: Final = 60.0
_ENDS_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A file of the host.

    Attributes:
        path: below the root.
        decide: what it is to say, given what it says (None: it is not there); None: it may stay.
        unless: whether it must be left alone, seen from the root.
        then: the program that has it heeded.
    """

    path: str
    decide: Callable[[bytes | None], bytes | None]
    unless: Callable[[Path], bool] = lambda _: False
    then: tuple[str, ...] = ()


def engine_config(found: bytes | None) -> bytes | None:
    """The engine's configuration with a bounded log driver; None: it has one, or is no JSON."""
    try:
        known = {} if found is None else json.loads(found, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None  # the engine does not start with it either: somebody has to mend it first
    if not isinstance(known, dict):
        return None
    wanted = dict(known)
    if wanted.get("log-driver") is None:
        wanted["log-driver"] = "json-file"
    if wanted.get("log-opts") is None and wanted["log-driver"] in _BOUNDED:
        wanted["log-opts"] = _BOUNDS
    if wanted == known:
        return None
    # In the order of the names, as the agent in the field writes it.
    return f"{json.dumps(wanted, indent=2, sort_keys=True)}\n".encode()


def journal_config(found: bytes | None) -> bytes | None:
    """The journal's drop-in; None: it says that already."""
    return None if found == _JOURNAL else _JOURNAL


def is_bound_by_flags(root: Path) -> bool:
    """Whether the engine was started with what it may be told in one place alone.

    It does not start when a flag and its file both name a driver, or options.
    """
    for found in (root / "proc").glob("[0-9]*/cmdline"):
        try:
            words = found.read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        if words[0].rpartition(b"/")[2] == b"dockerd":
            return any(word.lstrip(b"-").startswith((b"log-driver", b"log-opt")) for word in words)
    return False


BOUNDS: Final = (
    Bound("etc/docker/daemon.json", engine_config, unless=is_bound_by_flags),
    Bound(
        "etc/systemd/journald.conf.d/10-ironflock.conf",
        journal_config,
        then=("systemctl", "restart", "systemd-journald"),
    ),
)


def is_device(agent_dir: str, root: Path = Path("/")) -> bool:
    """Whether this machine is a device: the folder is the built-in one, or its service runs it."""
    folder = Path(agent_dir).absolute()
    if folder == Path(BUILT_IN_AGENT_DIR):
        return True
    try:
        unit = (root / UNIT).read_text("utf-8", "replace")
    except OSError:
        return False
    return f"{folder}/Reagent-active" in unit


@asynccontextmanager
async def bounded_logs(
    processes: Callable[[], Processes], root: Path = Path("/")
) -> AsyncIterator[None]:
    """Put the bounds beside the block, which waits for nothing of it."""
    tasks = Tasks()
    tasks.start(put_bounds(processes, root), "bound the host's logs")
    try:
        yield
    finally:
        await tasks.end(_ENDS_S)


async def put_bounds(processes: Callable[[], Processes], root: Path = Path("/")) -> None:
    """Have every bound in its place; what cannot be written or restarted is said."""
    for bound in BOUNDS:
        try:
            if not await in_thread(_put, root, bound):
                continue
            _log.info("the host's logs are bounded", path=bound.path)
            if bound.then:
                await _run(processes(), bound.then)
        except (OSError, ReagentError) as error:
            _log.warning("the host's logs are not bounded", path=bound.path, error=error)


async def _run(processes: Processes, command: tuple[str, ...]) -> None:
    outcome = await processes.run(command, within=_WITHIN_S)
    if outcome.status:
        why = outcome.stderr.strip()[-400:]
        raise Failed(f"{' '.join(command)} ended with {outcome.status}: {why}")


def _put(root: Path, bound: Bound) -> bool:
    """Whether there was something to write. A link keeps its place."""
    found = None
    target = (root / bound.path).resolve()
    if target.exists():
        if not target.is_file():
            raise OSError(f"{target} is no file")
        found = target.read_bytes()
    wanted = bound.decide(found)
    if wanted is None or bound.unless(root):
        return False
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    atomic.replace(str(target), wanted, mode=_MODE)
    return True


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
