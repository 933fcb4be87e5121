"""The steps of an update, each alone, on a folder that is put back as it was before every try.

A step is a command (`reagent update apply|rollback|repair`, which works on the folder where no agent
runs) or a start of the agent, and what has to be seen before it is over.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandbox import strace
from sandbox.cloud import Cloud
from sandbox.loopdisk import LoopDisk
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.strace import FAULTS, KILL, Call, Fault
from sandbox.under_test import patient
from sandbox.variants import Broken
from tests.frozen.updating import Press, Unit
from tests.proof.record import Place, Tried

NEW: Final = "1.1.0"
STALE: Final = "0.9.0"
SOAK_S: Final = 0.3
# An agent that cannot write down its attempt tries again after this, and must get through before.
PROOF_S: Final = 15.0
_WITHIN_S: Final = 60.0
_A_WHILE_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        before: the state of the folder that it begins with.
        command: the words of the command; none: a start.
        over: whether a start is through.
    """

    name: str
    before: str
    command: tuple[str, ...] = ()
    over: Callable[[Unit], bool] = lambda _: True


def _blocked(unit: Unit) -> bool:
    return NEW in unit.blocked


STEPS: Final = (
    Step("stage and schedule", "old", ("apply",)),
    Step("trial and commit", "scheduled", over=lambda unit: unit.active == NEW and not unit.trial),
    Step("rollback of a trial", "failed twice", over=_blocked),
    Step("rollback ordered", "new", ("rollback",)),
    Step(
        "rollback tried and committed",
        "going back",
        over=lambda unit: unit.active != NEW and not unit.trial,
    ),
    Step(
        "clean-up",
        "littered",
        over=lambda unit: not (unit.folder / f"reagent-v{STALE}").exists(),
    ),
    Step("repair", "unlinked", ("repair",)),
)
BY_NAME: Final = {step.name: step for step in STEPS}
_FAULTS: Final = {fault.name: fault for fault in FAULTS}


@dataclass
class Bench:
    """A device, and the states of its folder that steps begin with."""

    cloud: Cloud
    program: Program
    unit: Unit = field(init=False)
    states: Path = field(init=False)

    def __post_init__(self) -> None:
        self.unit = Unit(self.cloud, self.program, proof=PROOF_S, soak=SOAK_S)
        # Nothing is looked for: what there is to try comes by a command.
        self.unit.device.flags = ("-update=false", "-debug")
        self.states = self.unit.device.folder / "states"
        # As the first start of an agent makes it.
        (self.unit.folder / "downloads").mkdir(mode=0o700, exist_ok=True)
        self.stick = self.unit.device.folder / "stick" / "reagent"
        self.log = self.unit.device.folder / "calls.txt"

    # --- states

    async def prepare(self) -> None:
        """Make every state, by the device itself."""
        unit = self.unit
        press = Press.of(self.cloud, self.program)
        self._put_on_stick(press.origin.variant(NEW))
        self.keep("old")
        await self.obeyed("apply")
        self.keep("scheduled")
        await self.run_through(STEPS[1])
        self.keep("new")
        (unit.folder / f"reagent-v{STALE}").write_bytes(b"old")
        (unit.folder / "downloads" / "partial").write_bytes(b"half")
        self.keep("littered")
        self.restore("new")
        await self.obeyed("rollback")
        self.keep("going back")
        self.restore("new")
        unit.device.flashed.active.unlink()
        self.keep("unlinked")
        self.restore("old")
        self._put_on_stick(press.origin.variant(NEW, Broken.EXITS))
        await self.obeyed("apply")
        state = json.loads(unit.ledger.read_bytes())
        attempt = {"boot": "another", "end": "exit status 3", "took": 1.0, "judged": ""}
        state["trial"] |= {"strikes": 2, "attempt": attempt}
        unit.ledger.write_text(json.dumps(state))
        self.keep("failed twice")
        self.restore("old")
        self._put_on_stick(press.origin.variant(NEW))

    def keep(self, name: str) -> None:
        """Remember the folder under this name."""
        self._copy(self.unit.folder, self.states / name)

    def restore(self, name: str) -> None:
        """Have the folder as it was, and no log."""
        self._clear(self.unit.folder)
        self._copy(self.states / name, self.unit.folder)
        self.unit.device.log.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)

    # --- what is done

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything that an update changes."""
        folder = self.unit.folder
        digest = Path(f"{self.stick}.sha256").read_text("ascii").split()[0]
        links = [folder / f"Reagent-{name}" for name in ("active", "previous", "latest")]
        names = (".put.tmp", ".link.tmp", "updates.json", "downloads", f"downloads/{digest}")
        versions = (f"reagent-v{each}" for each in (self.program.version, NEW, STALE))
        rest = [folder / each for each in (*names, "downloads/partial", *versions)]
        return (folder, *links, *rest)

    async def order(self, *words: str, prefix: tuple[str, ...] = ()) -> tuple[int, str]:
        """`reagent update ...` on the folder; its status, and what it printed."""
        device = self.unit.device
        program = next(
            path for path in (device.flashed.active, device.flashed.executable) if path.exists()
        )
        file = (str(self.stick),) if words == ("apply",) else ()
        process = await asyncio.create_subprocess_exec(
            *prefix, str(program), "update", *words, f"-agentDir={self.unit.folder}", *file,
            env=device.variables, cwd=device.folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(patient(_WITHIN_S)):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode(errors="replace")

    async def obeyed(self, *words: str, prefix: tuple[str, ...] = ()) -> None:
        """The same, and it has to be done."""
        status, said = await self.order(*words, prefix=prefix)
        if status:
            raise AssertionError(said)

    async def run_through(
        self, step: Step, prefix: tuple[str, ...] = (), *, sure: bool = True
    ) -> int:
        """Start it, wait until the step is over or it ended, stop it; its status.

        Args:
            sure: the step has to come to its end; otherwise it is given a moment once CONNECTED.
        """
        unit, seen = self.unit, len(self.unit.statuses)
        unit.device.prefix = prefix
        await unit.device.start()
        unit.device.prefix = ()
        connected = 0.0
        until = time.monotonic() + patient(_WITHIN_S)
        while unit.device.running:
            if time.monotonic() > until:
                raise TimeoutError(f"{step.name} is not over: {unit.described()}")
            if not connected and "CONNECTED" in unit.statuses[seen:]:
                connected = time.monotonic()
            if connected and step.over(unit) and unit.is_settled:
                break
            if connected and not sure and time.monotonic() - connected > _A_WHILE_S:
                break
            await asyncio.sleep(0.05)
        if unit.device.running:
            return await unit.device.stop()
        return await unit.device.exited()

    async def watch(self, step: Step) -> tuple[Call, ...]:
        """Do the step, and see what it calls."""
        self.restore(step.before)
        prefix = strace.traced(self.paths, self.log)
        if step.command:
            await self.obeyed(*step.command, prefix=prefix)
        else:
            await self.run_through(step, prefix)
        return strace.calls(self.log)

    async def break_at(self, step: Step, call: Call, fault: Fault) -> bool:
        """Do the step, and let that happen at that call; whether the run came to it."""
        prefix = strace.injected(self.paths, self.log, call, fault)
        if step.command:
            status, said = await self.order(*step.command, prefix=prefix)
            if "Traceback" in said or (fault is not KILL and status not in (0, 1)):
                raise AssertionError(f"{status}, {said}")
        else:
            seen = len(self.unit.statuses)
            status = await self.run_through(step, prefix, sure=False)
            if fault is not KILL and "CONNECTED" not in self.unit.statuses[seen:]:
                raise AssertionError(self.unit.described())
        return status == -signal.SIGKILL if fault is KILL else strace.failed(self.log)

    async def recovers(self, step: Step, where: str) -> str:
        """What a clean start makes of it; returns the version that is active then.

        Raises:
            AssertionError: it is not as it has to be.
            TimeoutError: it is not CONNECTED.
        """
        unit = self.unit
        if step.before == "unlinked":  # as ExecStartPre does
            await self.order("repair")
        self.sound(where)
        await unit.device.kill_tree()
        seen = len(unit.statuses)
        await unit.device.start()
        await unit.connected(since=seen, within=_WITHIN_S)
        await unit.device.stop()
        if "" in (unit.named("previous"), unit.named("latest")):
            raise AssertionError(f"{where}: {unit.described()}")
        return self.sound(where)

    def sound(self, where: str) -> str:
        """The active version, which is whole, as is the state."""
        unit = self.unit
        active = unit.active
        if active not in (self.program.version, NEW) or not os.access(
            unit.device.flashed.active, os.X_OK
        ):
            raise AssertionError(f"{where}: {active!r} is active, {unit.described()}")
        size = unit.device.flashed.active.stat().st_size
        if size != self.program.executable.stat().st_size:
            raise AssertionError(f"{where}: {active} has {size} bytes")
        with suppress(FileNotFoundError):
            json.loads(unit.ledger.read_bytes())
        return active

    async def places(self, steps: Iterable[Step], faults: Iterable[Fault]) -> list[Place]:
        """All that can be tried in these steps."""
        faults = tuple(faults)
        return [
            Place(step.name, call.name, call.number, fault.name, call.what)
            for step in steps
            for call in await self.watch(step)
            for fault in faults
        ]

    async def try_at(self, place: Place, disk: LoopDisk | None = None) -> Tried:
        """One try, from the state before to the recovery after.

        Args:
            disk: what the folder lies on; its power goes with the process.
        """
        step, fault = BY_NAME[place.step], _FAULTS[place.fault]
        call = Call(place.name, place.number, place.what)
        where = f"{place.step}, {place.fault} at {call}"
        self.restore(step.before)
        if disk is not None:
            disk.sync()
        try:
            reached = await self.break_at(step, call, fault)
            if disk is not None:
                await self._lose_power(disk)
            ran = await self.recovers(step, where)
        except (AssertionError, TimeoutError, SandboxError, OSError, ValueError) as error:
            await self.unit.device.kill_tree()
            if disk is not None and not disk.at.is_mount():
                disk.mount()
            return Tried(place, reached=True, lost=f"{where}: {error}")
        return Tried(place, reached, ran)

    # --- inside

    async def _lose_power(self, disk: LoopDisk) -> None:
        disk.cut()
        await self.unit.device.kill_tree()
        disk.unmount()
        disk.check()
        disk.mount()

    def _put_on_stick(self, content: bytes) -> None:
        self.stick.parent.mkdir(exist_ok=True)
        self.stick.write_bytes(content)
        Path(f"{self.stick}.sha256").write_text(hashlib.sha256(content).hexdigest())

    @staticmethod
    def _clear(folder: Path) -> None:
        for each in folder.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()

    @staticmethod
    def _copy(folder: Path, to: Path) -> None:
        shutil.copytree(folder, to, symlinks=True, dirs_exist_ok=True)
