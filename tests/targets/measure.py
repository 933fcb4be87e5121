"""What a row of docs/targets.md needs of one executable: its size, a start, an idle agent's memory."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.targets import Target
from sandbox.cloud import cloud
from sandbox.emulation import command, runnable
from sandbox.processes import SandboxError
from sandbox.program import frozen
from sandbox.under_test import is_emulated, patient
from sandbox.windows import script, windows

ROUNDS: Final = 15
WINE_ROUNDS: Final = 9
IDLE_S: Final = 20.0
CONNECTED_S: Final = 20.0
# An emulated program has its own addresses in the emulator; the emulator lies where the kernel puts
# programs that do not care.
_EMULATOR: Final = 0x5555_0000_0000


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; times in milliseconds, memory in bytes."""

    size: int
    version_ms: float
    pss: int


def measure(target: Target, file: Path, say: Callable[[str], None]) -> Measured:
    """Run the executable as it was built, and a device with it.

    Raises:
        SandboxError: It does not run, or says that it is something else.
    """
    runner = command(target) if is_emulated(target) else []
    arch, _ = _ask([*runner, str(file)], "-arch")
    if arch != target.stamp:
        raise SandboxError(f"{file} says that it is for {arch}, not {target.stamp}")
    times = [_ask([*runner, str(file)], "-version")[1] for _ in range(ROUNDS)]
    pss = asyncio.run(_idle(target, file, say))
    return Measured(file.stat().st_size, min(times) * 1000, pss)


def measure_windows(file: Path) -> float:
    """Milliseconds of `-version` under wine, whose server is there already; the median of nine.

    Raises:
        SandboxError: there is no wine, or the executable does not run.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        windows(Path(folder, "prefix")) as environment,
    ):
        program = script(file, environment, Path(folder, "reagent"))
        return statistics.median(_timed(program) for _ in range(WINE_ROUNDS)) * 1000


def _timed(program: Path) -> float:
    begun = time.monotonic()
    done = subprocess.run(
        [program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise SandboxError(f"reagent.exe -version ended with {done.returncode}")
    return time.monotonic() - begun


def _ask(program: list[str], flag: str) -> tuple[str, float]:
    begun = time.monotonic()
    done = subprocess.run(
        [*program, flag], env={}, capture_output=True, text=True, check=False, timeout=patient(30)
    )
    if done.returncode or done.stderr:
        raise SandboxError(f"{program[-1]} {flag} ended with {done.returncode}: {done.stderr}")
    return done.stdout.strip(), time.monotonic() - begun


async def _idle(target: Target, file: Path, say: Callable[[str], None]) -> int:
    """PSS of the agent's processes, a while after it was CONNECTED to a platform with an engine."""
    with tempfile.TemporaryDirectory() as folder, runnable(file, target, Path(folder)) as program:
        async with cloud(say) as whole:
            device = whole.new_device(frozen(program))
            await device.start()
            await whole.backend.status(device.identity, "CONNECTED", within=CONNECTED_S)
            await asyncio.sleep(patient(IDLE_S))
            return sum(_pss(pid, target) for pid in (*device.processes, *device.leftovers()))


def _pss(pid: int, target: Target) -> int:
    end = _EMULATOR if is_emulated(target) else 1 << 64
    found, ours = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss" and ours:
            found += int(rest.split()[0]) * 1024
        elif "-" in name.split(" ")[0]:
            ours = int(name.split("-")[0], 16) < end
    return found
