"""What the build left in `build/out`, and whether it is what it is called.

A version in the bucket is for ever, so a file is looked at before: its checksum, its papers, the
machine it is for, and the version it says. This machine's own target is asked. In a static
executable for another one, the text of `version.txt` has to be found; one of an earlier version
does not have it. What PyInstaller made on another machine is compressed and tells nothing.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build import macho
from reagent_build.checksum import sha256, sidecar
from reagent_build.darwin_checks import PAYLOAD
from reagent_build.sbom_facts import objects_of
from reagent_build.sbom_papers import PAPERS, bill_of, notices_of
from reagent_build.targets import Target

_PATIENCE_S: Final = 60
_ELF: Final = b"\x7fELF"
# e_machine, at offset 18 of an ELF file.
_MACHINES: Final[Mapping[str, int]] = {
    "386": 3, "arm": 40, "amd64": 62, "arm64": 183, "riscv64": 243,
}  # fmt: skip
_PE: Final = b"MZ"
# One for several processors: PyInstaller's boot loader is such a file.
_MACH_O_FAT: Final = b"\xca\xfe\xba\xbe"

# A name in the table of its data; every freezer has it there as it is.
_ROOT: Final = re.compile(rb"trust/[0-9]+\.root\.json")

Ask = Callable[[Path, str], str]
"""Runs an executable with one flag and hands back what it said."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What is published beside an executable, under its name and this suffix."""

    suffix: str
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Built:
    """An executable that can be published."""

    target: Target
    path: Path
    size: int
    sha256: str
    papers: tuple[Paper, ...] = ()
    has_root: bool = False
    """Its devices take what was signed for, and nothing else."""


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """There is no file for this target."""

    target: Target
    path: Path


@dataclass(frozen=True, slots=True)
class Unfit:
    """The file must not be published."""

    target: Target
    path: Path
    reason: str


def ask(executable: Path, flag: str) -> str:
    """What an executable of this machine says to `-version` or `-arch`."""
    try:
        done = subprocess.run(
            [str(executable), flag],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"nothing ({error})"
    return (done.stdout + done.stderr).strip()


def look(
    target: Target, version: str, folder: Path, machine: Target | None, ask: Ask = ask
) -> Built | NotBuilt | Unfit:
    """Find out about the executable of one target.

    Args:
        target: whose executable.
        version: what it has to be.
        folder: where the build puts things.
        machine: what can be run here, if anything.
        ask: runs it.
    """
    path = folder / target.file_name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return NotBuilt(target, path)
    except OSError as error:
        return Unfit(target, path, f"cannot be read: {error}")
    digest = hashlib.sha256(content).hexdigest()
    reason = (
        _checksum(path, digest)
        or _papers_lack(path, digest)
        or _platform(target, content)
        or (_asked(target, version, path, ask) if target == machine else _told(version, content))
    )
    if reason:
        return Unfit(target, path, reason)
    has_root = _ROOT.search(content) is not None
    return Built(target, path, len(content), digest, _papers(path), has_root=has_root)


def _checksum(path: Path, digest: str) -> str:
    try:
        noted = sidecar(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return "has no readable .sha256 beside it"
    return "" if noted == digest else "is not what its .sha256 says"


def _papers_lack(path: Path, digest: str) -> str:
    """What the licences and the SBOM ask for (docs/guide/licences.md)."""
    try:
        bill = json.loads(bill_of(path).read_text(encoding="utf-8"))
        about = {each["content"] for each in bill["metadata"]["component"]["hashes"]}
        names = {each["name"] for each in bill["components"]}
    except (OSError, ValueError, KeyError, TypeError):
        return f"has no readable {bill_of(path).name} beside it"
    if digest not in about:
        return f"is not what {bill_of(path).name} is about"
    due = [notices_of(path)] + [objects_of(path)] * ("glibc" in names)
    missing = [each.name for each in due if not each.is_file()]
    return f"has no {missing[0]} beside it" if missing else ""


def _papers(path: Path) -> tuple[Paper, ...]:
    found = [place(path) for place in PAPERS if place(path).is_file()]
    return tuple(
        Paper(each.name.removeprefix(path.name), each, each.stat().st_size, sha256(each))
        for each in found
    )


def _platform(target: Target, content: bytes) -> str:
    if target.os == "windows":
        fits = content.startswith(_PE)
    elif target.os == "darwin":
        fits = content.startswith(_MACH_O_FAT) or _macho(content) == target.arch
    else:
        machine = int.from_bytes(content[18:20], "little")
        fits = content.startswith(_ELF) and machine == _MACHINES.get(target.arch, machine)
    return "" if fits else f"is no executable for {target}"


def _macho(content: bytes) -> str:
    """The architecture of a Mach-O executable; empty if it is none."""
    try:
        return macho.read(content).arch
    except macho.MachoError:
        return ""


def _sections(content: bytes) -> Collection[tuple[str, str]]:
    try:
        return macho.read(content).sections
    except macho.MachoError:
        return ()


def _asked(target: Target, version: str, path: Path, ask: Ask) -> str:
    for flag, wanted in (("-version", version), ("-arch", target.stamp)):
        if (said := ask(path, flag)) != wanted:
            return f"says {said!r} to {flag}, not {wanted!r}"
    return ""


def _told(version: str, content: bytes) -> str:
    tells = content.startswith(_ELF) or PAYLOAD in _sections(content)
    return (
        f"is not of version {version}" if tells and f"{version}\n".encode() not in content else ""
    )
