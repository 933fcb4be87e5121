"""A device: a flashed folder, and what stands in for the service manager that runs it.

Everything lies below one folder, the agent's flags are rooted there, and its environment holds
nothing of ours: no proxy, no engine but the one it is given, no home but its own.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reagent.commands.flash import Flashed, flash
from sandbox.database import Identity
from sandbox.packages import SYSTEM_PATH
from sandbox.program import Program
from sandbox.reaper import Reaper, children
from sandbox.standins import StandIns
from sandbox.under_test import patient

RESTART_S: Final = 5.0
STOP_S: Final = 12.0
_POLL_S: Final = 0.03


class Device:
    """One flashed device. `start` and `stop` as a service manager would; `close` leaves nothing."""

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        document: Mapping[str, object],
        program: Program,
        *,
        engine: str,
        flags: tuple[str, ...] = ("-update=false",),
    ) -> None:
        self.identity = identity
        self.folder = folder
        self.program = program
        self.flags = flags
        self.engine = engine
        # One agent per machine is the rule; here many machines are one.
        self.environment: dict[str, str] = {"REAGENT_RUN_DIR": str(folder / "run")}
        # A program that sets something up and becomes, or runs, the rest of its command line.
        self.prefix: tuple[str, ...] = ()
        self.exits: list[int] = []
        self.starts = 0
        self._begun = asyncio.Event()
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=1).encode()
        self.standins = StandIns(folder / "programs")
        self.flashed: Flashed = flash(folder / "agent", text, program.executable, program.version)
        self._process: asyncio.subprocess.Process | None = None
        self._noted: asyncio.subprocess.Process | None = None
        self._manager: asyncio.Task[None] | None = None

    # --- where things are

    @property
    def apps(self) -> Path:
        """`-appsDir`."""
        return self.folder / "apps"

    @property
    def database(self) -> Path:
        """`-dbFileName`."""
        return self.folder / "agent" / "reagent.db"

    @property
    def log(self) -> Path:
        """`-logFile`: JSON lines."""
        return self.folder / "reagent.log"

    @property
    def output(self) -> Path:
        """What the agent printed, standard error included."""
        return self.folder / "output.txt"

    @property
    def command(self) -> list[str]:
        """The command line: the active link, rooted flags, and the flags of this device."""
        return [
            str(self.flashed.active),
            "-config",
            str(self.flashed.device_file),
            f"-agentDir={self.flashed.folder}",
            f"-appsDir={self.apps}",
            f"-dbFileName={self.database}",
            f"-logFile={self.log}",
            *self.flags,
        ]

    @property
    def document(self) -> dict[str, object]:
        """The device file as it is now."""
        content: dict[str, object] = json.loads(self.flashed.device_file.read_bytes())
        return content

    @property
    def variables(self) -> dict[str, str]:
        """Its whole environment: nothing of ours is in it."""
        return {
            "PATH": f"{self.standins.folder}:{SYSTEM_PATH}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "DOCKER_HOST": self.engine,
            **self.environment,
        }

    def container(self, app_key: int, name: str, stage: str = "PROD") -> str:
        """The name of an app's container."""
        return f"{stage}_{app_key}_{name}".lower()

    # --- the service manager

    @property
    def pid(self) -> int:
        """The process id of the agent as it runs now; 0 when it does not."""
        return self._process.pid if self.running and self._process is not None else 0

    @property
    def running(self) -> bool:
        """Whether the agent runs right now."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *flags: str) -> None:
        """Start the agent once, nobody starts it again. `flags` come after the others."""
        if self.running:
            raise RuntimeError("the device runs already")
        with self.output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.prefix,
                *self.command,
                *flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=self.variables,
                cwd=self.folder,
                start_new_session=True,
            )
        Reaper.here().watch(self._process.pid)
        self.starts += 1
        begun, self._begun = self._begun, asyncio.Event()
        begun.set()

    async def serve(self, *flags: str, restart_after: float = RESTART_S) -> None:
        """Start the agent, and start it again whenever it ends, as `Restart=always` does."""
        await self.start(*flags)
        self._manager = asyncio.create_task(
            self._keep_running(flags, restart_after), name="service manager"
        )

    async def started(self, times: int, within: float = 20.0) -> None:
        """Wait until the agent was started so often in all, the first time included.

        Raises:
            TimeoutError: It was not, with the end of what it printed.
        """
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while self.starts < times:
                    await self._begun.wait()
        except TimeoutError as error:
            raise TimeoutError(f"{self.starts} starts in {within:g} s:\n{self.tail()}") from error

    async def exited(self, within: float = 15.0) -> int:
        """Wait until the agent ends by itself, and return its status (-9: ended by signal 9).

        Raises:
            TimeoutError: It still runs, with the end of what it printed.
        """
        process = self._process
        if process is None:
            raise RuntimeError("the device was never started")
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                status = await process.wait()
        except TimeoutError as error:
            raise TimeoutError(f"still running after {within:g} s:\n{self.tail()}") from error
        self._note(process)
        return status

    def send(self, number: signal.Signals) -> None:
        """Send the agent a signal."""
        # Not by the process object: that looks first, and takes the status away from who waits.
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, number)

    async def stop(self, within: float = STOP_S) -> int:
        """Stop it as `systemctl stop` does and return its status; at last with SIGKILL (-9)."""
        await self._dismiss_manager()
        process = self._process
        if process is None:
            return 0
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        try:
            async with asyncio.timeout(patient(within)):
                await process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await process.wait()
        self._note(process)
        return process.returncode or 0

    async def kill(self) -> None:
        """End the agent as a crash would. A service manager, if any, starts it again."""
        process = self._process
        if process is None:
            return
        self.send(signal.SIGKILL)
        await process.wait()
        self._note(process)
        if self.program.unpacks_itself:
            await self._are_gone()  # what a boot loader waited for dies a moment later

    async def kill_tree(self) -> None:
        """End the agent and whatever it runs, all at once; the manager is dismissed before."""
        await self._dismiss_manager()
        for pid in [self.pid, *self.leftovers()]:
            with contextlib.suppress(OSError):
                if pid:
                    os.kill(pid, signal.SIGKILL)
        await self.kill()
        await self._are_gone()
        # One that was just being started looks for its parent first, and a big one takes its time.
        for _ in range(60):
            if not self.leftovers():
                break
            await asyncio.sleep(_POLL_S)

    async def close(self) -> None:
        """Stop it, quickly if need be, and end whatever of it is left."""
        await self.stop(5.0)
        for pid in self.leftovers():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        await self._are_gone()

    def leftovers(self) -> list[int]:
        """Processes of the session that the agent was started in, other than the agent itself."""
        if self._process is None:
            return []
        own = self.processes
        return [pid for pid in _session_of(self._process.pid) if pid not in own]

    @property
    def processes(self) -> tuple[int, ...]:
        """Those that are the agent: one, and behind a boot loader also what it waits for."""
        if not self.running or not self.program.unpacks_itself:
            return (self.pid,)
        found = [self.pid]
        for pid in found:
            found += [child for child in children(pid) if _is_the_same_program(child, pid)]
        return tuple(found)

    # --- what it said

    def entries(self) -> list[dict[str, object]]:
        """The entries of its log so far; a line that is no JSON is left out."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    found.append(entry)
        return found

    async def logged(
        self, matches: Callable[[dict[str, object]], bool] | str, within: float = 15.0
    ) -> dict[str, object]:
        """Wait for a log entry that matches, or whose message contains the text.

        Raises:
            TimeoutError: None came, with the end of what was printed and logged.
        """

        def fits(entry: dict[str, object]) -> bool:
            return (
                matches in str(entry.get("message")) if isinstance(matches, str) else matches(entry)
            )

        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while True:
                    found = next((entry for entry in self.entries() if fits(entry)), None)
                    if found is not None:
                        return found
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise TimeoutError(f"not logged in {within:g} s:\n{self.tail()}") from error

    def printed(self) -> str:
        """What it printed so far."""
        if not self.output.exists():
            return ""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def tail(self, lines: int = 20) -> str:
        """The end of what it printed and of what it logged: for the text of a failed test."""
        logged = [json.dumps(entry) for entry in self.entries()[-lines:]]
        shown = [*self.printed().splitlines()[-lines:], "--- log", *logged]
        return "\n".join(f"    {line}" for line in shown)

    # --- inside

    async def _are_gone(self) -> None:
        for _ in range(60):  # /proc tells nobody when a process is gone
            if not self.leftovers():
                break
            await asyncio.sleep(_POLL_S)

    async def _keep_running(self, flags: tuple[str, ...], restart_after: float) -> None:
        while True:
            if self._process is not None:
                await self._process.wait()
                self._note(self._process)
            await asyncio.sleep(restart_after)
            await self.start(*flags)

    async def _dismiss_manager(self) -> None:
        if self._manager is not None:
            self._manager.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._manager
            self._manager = None

    def _note(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None and self._noted is not process:
            self._noted = process
            self.exits.append(process.returncode)
            Reaper.here().forget(process.pid)


def _is_the_same_program(child: int, parent: int) -> bool:
    """Whether a child is what its parent unpacked, and no version that is tried."""
    try:
        words = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (child, parent)]
        return (
            words[0] == words[1]
            and b"REAGENT_TRIAL=" not in Path(f"/proc/{child}/environ").read_bytes()
        )
    except OSError:
        return False


def _session_of(leader: int) -> Iterator[int]:
    """The living processes in the session that `leader` began, `leader` included."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        if int(fields[3]) == leader and fields[0] not in "ZX":
            yield int(entry.name)
