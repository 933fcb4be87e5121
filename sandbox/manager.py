"""The field's manager script, by its rules (docs/contract/system.md 5.1), both generations of it.

It runs beside an agent whose folder it believes to be its own: it takes the newest file for the
version to run, moves the three links, and starts what does not run. An agent that updates itself
must leave it nothing to do.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Self

ACTIVE: Final = "Reagent-active"
LATEST: Final = "Reagent-latest"
PREVIOUS: Final = "Reagent-previous"
_LINKS: Final = (ACTIVE, PREVIOUS, LATEST)
_ROLLBACK_CYCLES: Final = 4
_LONG_AGO: Final = 999


class Generation(Enum):
    """What it does to `previous` when it rolls back."""

    UNTIL_NOVEMBER_2025 = "previous becomes the version that failed"
    SINCE_NOVEMBER_2025 = "previous stays"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the script did: a link it moved, a version it let run."""

    what: str
    target: str


class Manager:
    """One script, as a task; `deeds` is what it did so far.

    Args:
        folder: the agent's.
        start: `systemctl start reagent`; whether there was anything to start. A service that runs
            stays as it is: in the middle of an exec a process has no command line for a moment,
            and `ps` may look just then.
        restart: `systemctl restart reagent`.
    """

    def __init__(
        self,
        folder: Path,
        generation: Generation,
        *,
        start: Callable[[], Awaitable[bool]],
        restart: Callable[[], Awaitable[None]],
    ) -> None:
        self.deeds: list[Deed] = []
        self.cycles = 0
        self._folder = folder
        self._generation = generation
        self._start = start
        self._restart = restart
        self._counter = _LONG_AGO

    async def run(self, every: float) -> None:
        """Cycle until cancelled."""
        while True:
            await self._cycle()
            self.cycles += 1
            self._counter += 1
            await asyncio.sleep(every)

    async def _cycle(self) -> None:
        newest = self.newest()
        if newest != self.target(LATEST):
            self._run_and_name(newest)
        if not self.target(ACTIVE):
            self._link(ACTIVE, self.target(LATEST))
        if not self.target(PREVIOUS):
            self._link(PREVIOUS, self.target(ACTIVE))
        latest, active, previous = (self.target(each) for each in (LATEST, ACTIVE, PREVIOUS))
        if not self._is_running():
            if latest == active and latest != previous and self._counter < _ROLLBACK_CYCLES:
                self._link(ACTIVE, previous)
                if self._generation is Generation.UNTIL_NOVEMBER_2025:
                    self._link(PREVIOUS, latest)
            if await self._start():
                self.deeds.append(Deed("start", self.target(ACTIVE)))
        elif latest not in (active, previous):
            self._link(PREVIOUS, active)
            self._link(ACTIVE, latest)
            self.deeds.append(Deed("restart", latest))
            await self._restart()
            self._counter = 0

    def _run_and_name(self, newest: str) -> None:
        Path(newest).chmod(0o755)
        self._link(LATEST, newest)

    def newest(self) -> str:
        """What it takes for the version to run: `ls -t`, names with `reagent-`, no `Reagent-`."""
        found = []
        for entry in os.scandir(self._folder):
            name = entry.name
            if name.startswith(".") or "reagent-" not in name or "Reagent-" in name:
                continue
            try:
                found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path))
            except FileNotFoundError:
                continue
        return max(found)[1] if found else f"{self._folder}/"

    def target(self, name: str) -> str:
        """What a link names, whether it is there or not; empty where there is no link."""
        try:
            return str((self._folder / name).readlink())
        except OSError:
            return ""

    def _link(self, name: str, target: str) -> None:
        """`ln -sf`: the old one is gone for a moment."""
        self.deeds.append(Deed(name, target))
        (self._folder / name).unlink(missing_ok=True)
        (self._folder / name).symlink_to(target)

    def _is_running(self) -> bool:
        """Whether any line of `ps aux` contains the path."""
        wanted = f"{self._folder}/{ACTIVE}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if wanted in (entry / "cmdline").read_bytes():
                        return True
                except OSError:
                    continue
        return False


class LinkWatch:
    """A thread that looks at the links of a folder again and again.

    Attributes:
        dangling: what was found wrong: a link without a file behind it, or none at all.
        unsettled: moments at which the script, had it looked, would have let another version run.
        looks: how often it looked.
    """

    def __init__(self, folder: Path, every: float = 0.002) -> None:
        self.dangling: list[str] = []
        self.unsettled: list[str] = []
        self.looks = 0
        self._folder = folder
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link watch", daemon=True)
        self._script = Manager(
            folder, Generation.SINCE_NOVEMBER_2025, start=_runs, restart=_restarted
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self.looks += 1
            self.dangling += self._twice(self._dangles)
            self.unsettled += self._twice(self._moves)

    def _twice(self, look: Callable[[], list[str]]) -> list[str]:
        """Links are read one after the other: only what is seen twice was there."""
        first = look()
        return first if first and first == look() else []

    def _dangles(self) -> list[str]:
        found = []
        for name in _LINKS:
            path = self._folder / name
            try:
                path.stat()
            except OSError:
                target = path.readlink() if path.is_symlink() else "nothing"
                found.append(f"{name} -> {target}")
        return found

    def _moves(self) -> list[str]:
        links = [self._script.target(name) for name in (ACTIVE, PREVIOUS)]
        newest = self._script.newest()
        return [] if newest in links else [f"{newest} is newest, {links}"]


async def _runs() -> bool:
    return False


async def _restarted() -> None:
    return
