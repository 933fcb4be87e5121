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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from reagent.updates.elf import MACHINES
from reagent_build.targets import PLATFORMS, Target
from sandbox import packages
from sandbox.processes import SandboxError
from sandbox.reaper import BINFMT, Reaper, unregister
from sandbox.under_test import is_emulated

_REGISTER: Final = Path(BINFMT, "register")
# Where the padding of an ELF header begins, and how long it is (EI_PAD).
_PADDING, _LENGTH = 9, 7
# The kernel names the file and argv[0] (flag P), and keeps this one open (flag F).
_SCRIPT: Final = """#!/bin/sh
program=$1 name=$2
shift 2
exec {} -0 "$name" "$program" "$@"
"""


def command(target: Target) -> list[str]:
    """What to put before an executable of this target to run it once, as it is.

    Raises:
        SandboxError: there is no emulator for it.
    """
    platform = PLATFORMS.get(target)
    if platform is None or target.stamp not in MACHINES or not platform.emulator:
        raise SandboxError(f"nothing here runs {target}")
    program, *words = platform.emulator
    found = packages.program(program)
    if found is None:
        raise SandboxError(f"Missing:\n{packages.describe([packages.QEMU])}")
    return [found, *words]


def marked(content: bytes, target: Target) -> bytes:
    """The executable as our registration knows it."""
    if content[:4] != b"\x7fELF" or any(content[_PADDING : _PADDING + _LENGTH]):
        raise SandboxError(f"{target}: no ELF executable with a padding that is free")
    return content[:_PADDING] + _name(target) + content[_PADDING + _LENGTH :]


@contextmanager
def runnable(file: Path, target: Target, folder: Path) -> Iterator[Path]:
    """What to run of an executable: the file, or where it is emulated a marked copy in `folder`.

    Raises:
        SandboxError: it cannot be run here; the text says why.
    """
    if not is_emulated(target):
        yield file
        return
    with Emulation(target, folder):
        copy = folder / file.name
        copy.write_bytes(marked(file.read_bytes(), target))
        copy.chmod(0o755)
        yield copy


def words_of(pid: int) -> list[str]:
    """The command line of a process as it knows it: an emulator's own words are not in it."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    if words and words[0].endswith("-static") and "-0" in words[:4]:
        name, _program, *rest = words[words.index("-0") + 1 :]
        return [name, *rest]
    return words


class Emulation:
    """Marked executables of one target run here while this is open.

    Attributes:
        entry: its name in binfmt_misc.

    Raises:
        SandboxError: they cannot be run here; the text says what is missing.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        emulator = shlex.join(command(target))
        _mount()
        self.entry = f"reagent-test-{target.stamp}-{os.getpid()}"
        script = folder / f"run-{target.stamp}"
        script.write_text(_SCRIPT.format(emulator), encoding="ascii")
        script.chmod(0o755)
        magic, mask = _pattern(target)
        line = f":{self.entry}:M:0:{magic}:{mask}:{script}:PF"
        try:
            _REGISTER.write_text(line, encoding="ascii")
        except OSError as error:
            raise SandboxError(f"binfmt_misc does not take {self.entry}: {error}") from error
        Reaper.here().own("binfmt", self.entry)

    def close(self) -> None:
        """Take the registration back. What runs goes on."""
        unregister(self.entry)
        Reaper.here().disown("binfmt", self.entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _name(target: Target) -> bytes:
    return target.stamp.encode("ascii")[-_LENGTH:].rjust(_LENGTH, b"=")


def _pattern(target: Target) -> tuple[str, str]:
    """Class and byte order, our name, and the machine; what lies between is of no interest."""
    machine, size = MACHINES[target.stamp]
    ident = b"\x7fELF" + bytes([size, 1, 1])
    gap = bytes(_PADDING - len(ident))
    magic = ident + gap + _name(target) + bytes(2) + machine.to_bytes(2, "little")
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
