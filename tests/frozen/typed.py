"""Commands typed at a device, and what somebody brings along to it."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from sandbox.under_test import patient
from tests.frozen.updating import Unit

_WITHIN_S = patient(60.0)


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    status: int
    out: str
    error: str

    @property
    def row(self) -> dict[str, str]:
        """Lines `title   text`, by title."""
        pairs = (line.split(maxsplit=1) for line in self.out.splitlines())
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


async def typed(unit: Unit, *words: str) -> Said:
    """Type a command at the device, as root does."""
    command = (str(unit.device.flashed.active), *words, f"-agentDir={unit.folder}")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=unit.device.variables,
    )
    async with asyncio.timeout(_WITHIN_S):
        out, error = await process.communicate()
    return Said(process.returncode or 0, out.decode(), error.decode())


def stick(folder: Path, content: bytes, *, note: str | None = None) -> Path:
    """A file on a USB stick, its checksum beside it."""
    file = folder / "reagent"
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest() if note is None else note
    if digest:
        (folder / "reagent.sha256").write_text(digest + "\n")
    return file
