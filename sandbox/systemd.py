"""A machine that systemd runs: Debian's, as process 1 of namespaces of its own, on this kernel.

It has its own processes, mounts, host name and control groups. The network is this machine's, so
that the agent reaches the sandbox's router; of systemd's own units only the journal's are left, so
nothing sets up a network, a clock or the kernel.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.packages import SYSTEM_PATH
from sandbox.processes import Child, SandboxError
from sandbox.reaper import Reaper, children, remove_cgroup
from sandbox.roots import Mount, Surroundings, mounted, tree
from sandbox.under_test import patient

NAME: Final = "systemd"
_INIT: Final = ("/usr/lib/systemd/systemd", "--system", "--unit=multi-user.target")
_UNITS: Final = "/usr/lib/systemd/system"
_VARIABLES: Final = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
_WITHIN_S: Final = 30.0
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")


class Machine:
    """One machine. `boot`, then `run` commands on it; `close` leaves nothing."""

    def __init__(
        self,
        folder: Path,
        copies: Mapping[Path, str],
        files: Mapping[str, str],
        sockets: Mapping[str, str],
    ) -> None:
        """Nothing runs yet.

        Args:
            folder: its own.
            copies: files of this machine, and where they are there.
            files: text of further files, by path.
            sockets: sockets of this machine, and where they are reached there.
        """
        self.folder = folder
        self._copies = tuple((str(file), path) for file, path in copies.items())
        self._files = dict(files)
        self._sockets = tuple(("bind", here, there, "") for here, there in sockets.items())
        self._cgroup = ""
        self._outside: Child | None = None
        folder.mkdir(parents=True)

    async def boot(self) -> None:
        """Start it, and wait until all is up.

        Raises:
            SandboxError: It cannot be had here, with the reason.
        """
        self._cgroup = _new_cgroup()
        Reaper.here().own("cgroup", self._cgroup)
        here = Surroundings(
            root=str(self.folder / "root"),
            mounts=(*mounted(NAME, self.folder / "root"), *_MOUNTS, *self._sockets),
            # An empty one would make it a machine that is set up for the first time.
            files={"/etc/machine-id": f"{secrets.token_hex(16)}\n", **self._files},
            copies=self._copies,
            removed=tuple(_unwanted()),
            init=True,
            cgroup=self._cgroup,
        )
        self._outside = Child(
            NAME, (*here.prefix, *_INIT), self.folder / "console.txt",
            env=_VARIABLES | {"container": "reagent-sandbox"},
        )  # fmt: skip
        await self.until("up", "is-active", "multi-user.target", "active")

    async def run(self, *words: str) -> tuple[int, str]:
        """Run a command there, and return its status and what it printed."""
        outside, program = self._outside, packages.program("nsenter")
        if outside is None or program is None or not children(outside.pid):
            raise SandboxError(f"the machine does not run, or there is no nsenter: {self.tail()}")
        (init,) = children(outside.pid)
        process = await asyncio.create_subprocess_exec(
            program, "-t", str(init), "-m", "-p", "-C", "-u", "-i", "-r", "--wd=/", "--", *words,
            env=_VARIABLES, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(patient(_WITHIN_S)):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode(errors="replace").strip()

    async def until(self, what: str, *words: str, within: float = _WITHIN_S) -> None:
        """Wait until `systemctl` says the last of these words when it is asked the others.

        Raises:
            SandboxError: It did not, with the end of the journal.
        """
        *asked, wanted = words
        said = ""
        try:
            async with asyncio.timeout(patient(within)):
                while said != wanted:
                    if self._outside is None or not self._outside.running:
                        raise SandboxError(f"{NAME} ended: {self.tail()}")
                    if children(self._outside.pid):
                        _, said = await self.run("systemctl", *asked)
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            _, journal = await self.run("journalctl", "--no-pager", "-o", "cat", "-n", "40")
            raise SandboxError(
                f"not {what} in {patient(within):g} s, {words} is {said!r}:\n{journal}"
            ) from error

    async def property(self, unit: str, name: str) -> str:
        """A property of a unit, as `systemctl show` has it."""
        return (await self.run("systemctl", "show", "--value", f"--property={name}", unit))[1]

    def tail(self) -> str:
        """The end of what it printed before there was a journal."""
        return self._outside.tail() if self._outside is not None else "never started"

    def close(self) -> None:
        """End it at once."""
        if self._cgroup:
            remove_cgroup(self._cgroup)
            Reaper.here().disown("cgroup", self._cgroup)
        if self._outside is not None:
            self._outside.kill()


_MOUNTS: Final[tuple[Mount, ...]] = (
    # What is the kernel's is everybody's.
    ("bind", "/proc/sys", "/proc/sys", ""),
    ("remount", "", "/proc/sys", "ro"),
    ("sysfs", "", "/sys", "ro"),
    ("cgroup2", "", "/sys/fs/cgroup", ""),
    ("tmpfs", "", "/tmp", "mode=1777"),
    ("tmpfs", "", "/dev", "mode=755"),
    *(("bind", f"/dev/{name}", f"/dev/{name}", "") for name in _DEVICES),
    ("bind", "/dev/null", "/dev/console", ""),
    ("tmpfs", "", "/dev/shm", "mode=1777"),
)


def _unwanted() -> Iterator[str]:
    """Whatever comes up by itself and is not the journal."""
    system = tree(NAME)
    for each in (system / _UNITS[1:]).glob("*.wants/*"):
        if not each.name.startswith("systemd-journald"):
            yield f"/{each.relative_to(system)}"


def _new_cgroup() -> str:
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            made = Path(place, f"reagent-sandbox-{secrets.token_hex(4)}")
            try:
                made.mkdir()
            except OSError as error:
                raise SandboxError(f"no control group can be made: {error}") from error
            return str(made)
    raise SandboxError("there are no control groups of version 2 here")
