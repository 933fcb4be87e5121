"""Foreign executables run here: qemu with the processor that each was built for, by binfmt_misc.

The kernel chooses an interpreter by a file's first bytes, and those of ARMv5 and ARMv7 are the
same. So what is run is a copy that says more: seven bytes of the ELF header are padding that nobody
reads, and hold the target's name in it. A registration of ours matches that name. It catches
nothing else, replaces none of the host's, and several processors are at hand at once. It holds over
every `exec`, whatever the environment: an executable that starts itself, or its successor, needs to
know nothing.

Taken away again by `close`, and by the reaper when we were killed.
"""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from reagent_build.targets import Target
from sandbox import packages
from sandbox.processes import SandboxError
from sandbox.reaper import BINFMT, Reaper, unregister

_REGISTER: Final = Path(BINFMT, "register")
# Where the padding of an ELF header begins, and how long it is (EI_PAD).
_PADDING, _LENGTH = 9, 7
# The kernel names the file and argv[0] (flag P), and keeps this one open (flag F).
_SCRIPT: Final = """#!/bin/sh
program=$1 name=$2
shift 2
exec {} -cpu {} -0 "$name" "$program" "$@"
"""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor in qemu's words: the emulator, and the `-cpu` that is the target's least."""

    emulator: str
    model: str
    bits: int
    """Of an address."""
    elf: int
    """What an ELF header calls it."""


# By what `-arch` prints.
PROCESSORS: Final = {
    "arm64": Processor("qemu-aarch64-static", "cortex-a53", 64, 183),
    "armv7": Processor("qemu-arm-static", "cortex-a7", 32, 40),
    "armv6": Processor("qemu-arm-static", "arm1176", 32, 40),
    "armv5": Processor("qemu-arm-static", "arm926", 32, 40),
    "riscv64": Processor("qemu-riscv64-static", "rv64", 64, 243),
}


def command(target: Target) -> list[str]:
    """What to put before an executable of this target to run it once, as it is.

    Raises:
        SandboxError: there is no emulator for it.
    """
    processor = _processor(target)
    return [_emulator(processor), "-cpu", processor.model]


def marked(content: bytes, target: Target) -> bytes:
    """The executable as our registration knows it."""
    if content[:4] != b"\x7fELF" or any(content[_PADDING : _PADDING + _LENGTH]):
        raise SandboxError(f"{target}: no ELF executable with a padding that is free")
    return content[:_PADDING] + _name(target) + content[_PADDING + _LENGTH :]


def words_of(pid: int) -> list[str]:
    """The command line of a process as it knows it: an emulator's own words are not in it."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    if words[1:2] == ["-cpu"] and words[3:4] == ["-0"]:
        return [words[4], *words[6:]]
    return words


class Emulation:
    """Marked executables of one target run here while this is open.

    Raises:
        SandboxError: they cannot be run here; the text says what is missing.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        processor = _processor(target)
        emulator = _emulator(processor)
        _mount()
        self._entry = f"reagent-test-{target.stamp}-{os.getpid()}"
        script = folder / f"run-{target.stamp}"
        script.write_text(_SCRIPT.format(shlex.quote(emulator), processor.model), encoding="ascii")
        script.chmod(0o755)
        magic, mask = _pattern(target, processor)
        line = f":{self._entry}:M:0:{magic}:{mask}:{script}:PF"
        try:
            _REGISTER.write_text(line, encoding="ascii")
        except OSError as error:
            raise SandboxError(f"binfmt_misc does not take {self._entry}: {error}") from error
        Reaper.here().own("binfmt", self._entry)

    def close(self) -> None:
        """Take the registration back. What runs goes on."""
        unregister(self._entry)
        Reaper.here().disown("binfmt", self._entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _processor(target: Target) -> Processor:
    found = PROCESSORS.get(target.stamp)
    if target.os != "linux" or found is None:
        raise SandboxError(f"nothing here runs {target}")
    return found


def _emulator(processor: Processor) -> str:
    found = packages.program(processor.emulator)
    if found is None:
        raise SandboxError(f"Missing:\n{packages.describe([packages.QEMU])}")
    return found


def _name(target: Target) -> bytes:
    return target.stamp.encode("ascii")[-_LENGTH:].rjust(_LENGTH, b"=")


def _pattern(target: Target, processor: Processor) -> tuple[str, str]:
    """Class and byte order, our name, and the machine; what lies between is of no interest."""
    ident = b"\x7fELF" + bytes([processor.bits // 32, 1, 1])
    gap = bytes(_PADDING - len(ident))
    magic = ident + gap + _name(target) + bytes(2) + processor.elf.to_bytes(2, "little")
    mask = b"\xff" * len(ident) + gap + b"\xff" * _LENGTH + bytes(2) + b"\xff\xff"
    return _escaped(magic), _escaped(mask)


def _escaped(content: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in content)


def _mount() -> None:
    """Have the kernel's register at hand. It stays mounted, as on a machine with systemd."""
    if _REGISTER.exists():
        return
    done = subprocess.run(
        ["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode or not _REGISTER.exists():
        raise SandboxError(f"no binfmt_misc here: {done.stderr.strip()}")
