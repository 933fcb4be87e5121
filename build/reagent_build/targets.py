"""The platforms: what can be built and how, and what each is called by Debian and by kernels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

FreezerName = Literal["static", "wine", "zig", "pyinstaller", "nuitka"]
"""How an executable is made; each is a file in freezers/."""


class UnknownTargetError(ValueError):
    """What was typed names no platform."""


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the file `targets`: os/arch, and for ARM /variant."""

    os: str
    arch: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read `linux/amd64` or `linux/arm/7`.

        Raises:
            UnknownTargetError: another shape, or an ARM without its variant.
        """
        words = text.strip().split("/")
        if len(words) not in {2, 3} or not all(word.isalnum() for word in words):
            raise UnknownTargetError(f"{text!r} is not os/arch or os/arm/variant")
        target = cls(*words)
        if target.arch == "arm" and not target.variant:
            variants = ", ".join(f"{target.os}/arm/{variant}" for variant in (5, 6, 7))
            raise UnknownTargetError(f"{text!r} does not say which ARM: {variants}")
        if target.variant and target.arch != "arm":
            raise UnknownTargetError(f"{text!r}: arm alone has a variant")
        return target

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.arch, self.variant)))

    @property
    def stamp(self) -> str:
        """What `-arch` prints (docs/contract/system.md 4.4): amd64, arm64, armv7."""
        return f"{self.arch}v{self.variant}" if self.variant else self.arch

    @property
    def file_name(self) -> str:
        """The output's name (docs/contract/system.md 6.1); Windows wants its suffix."""
        return f"reagent-{self.os}-{self.stamp}" + (".exe" if self.os == "windows" else "")


@dataclass(frozen=True, slots=True)
class Debian:
    """A Linux target in the words of Debian's archive."""

    architecture: str
    compiler: str
    """Prefix of the cross tools: <compiler>-gcc."""
    multiarch: str
    """Folder of the target's libraries."""
    kernels: tuple[str, ...]
    """What `uname -m` says on machines that run it, the natural one first."""


_ARMEL: Final = ("armel", "arm-linux-gnueabi", "arm-linux-gnueabi")

# armhf is ARMv7 with VFPv3, so ARMv6 boards take the soft-float file.
DEBIAN: Final[Mapping[Target, Debian]] = MappingProxyType(
    {
        Target("linux", "amd64"): Debian(
            "amd64", "x86_64-linux-gnu", "x86_64-linux-gnu", ("x86_64",)
        ),
        Target("linux", "arm64"): Debian(
            "arm64", "aarch64-linux-gnu", "aarch64-linux-gnu", ("aarch64", "arm64")
        ),
        Target("linux", "arm", "7"): Debian(
            "armhf", "arm-linux-gnueabihf", "arm-linux-gnueabihf", ("armv7l", "armv8l")
        ),
        Target("linux", "arm", "6"): Debian(*_ARMEL, ("armv6l",)),
        Target("linux", "arm", "5"): Debian(*_ARMEL, ("armv5tel", "armv5tejl", "arm")),
        Target("linux", "386"): Debian(
            "i386", "i686-linux-gnu", "i386-linux-gnu", ("i686", "i386")
        ),
        Target("linux", "riscv64"): Debian(
            "riscv64", "riscv64-linux-gnu", "riscv64-linux-gnu", ("riscv64",)
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Platform:
    """How the executable of a target is made and, on another machine than its own, run."""

    freezer: FreezerName
    run: str
    """In the words of docs/targets.md."""
    emulator: tuple[str, ...] = ()
    """What runs it on this machine: a program of qemu-user and the oldest processor it is for."""


def _qemu(machine: str, cpu: str = "") -> Platform:
    words = ("-cpu", cpu) if cpu else ()
    return Platform("static", f"qemu {cpu or machine}", (f"qemu-{machine}-static", *words))


# The one table of what can be built; docs/decisions/0012 says why nothing else is.
PLATFORMS: Final[Mapping[Target, Platform]] = MappingProxyType(
    {
        Target("linux", "amd64"): _qemu("x86_64"),
        Target("linux", "arm64"): _qemu("aarch64", "cortex-a53"),
        Target("linux", "arm", "7"): _qemu("arm", "cortex-a7"),
        Target("linux", "arm", "6"): _qemu("arm", "arm1176"),
        Target("linux", "arm", "5"): _qemu("arm", "arm926"),
        Target("linux", "386"): _qemu("i386"),
        Target("linux", "riscv64"): _qemu("riscv64"),
        Target("windows", "amd64"): Platform("wine", "wine, in its container"),
        Target("darwin", "amd64"): Platform("zig", "built, not run"),
        Target("darwin", "arm64"): Platform("zig", "built, not run"),
    }
)

_SYSTEMS: Final[Mapping[str, str]] = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
_ELSEWHERE: Final[Mapping[str, str]] = {"x86_64": "amd64", "AMD64": "amd64", "arm64": "arm64"}


def machine_target(system: str, machine: str) -> Target:
    """The target of a machine, from `sys.platform` and `uname -m`.

    Raises:
        UnknownTargetError: it is no platform of ours.
    """
    os = _SYSTEMS.get(system, system)
    for target, debian in DEBIAN.items():
        if target.os == os and machine in debian.kernels:
            return target
    if os in {"darwin", "windows"} and machine in _ELSEWHERE:
        return Target(os, _ELSEWHERE[machine])
    raise UnknownTargetError(f"this machine ({system}, {machine}) is no platform of ours")


def check_known(targets: Iterable[Target]) -> None:
    """Nothing is begun for a list that holds what cannot be built.

    Raises:
        UnknownTargetError: it does; the text names it and what can be built.
    """
    if unknown := [str(target) for target in targets if target not in PLATFORMS]:
        raise UnknownTargetError(
            f"{', '.join(unknown)} cannot be built; these can: {', '.join(map(str, PLATFORMS))}"
        )


def read_targets(path: Path) -> tuple[Target, ...]:
    """The lines of a file of targets; empty ones and those that begin with # are skipped.

    Raises:
        UnknownTargetError: a line is no target.
    """
    lines = (line.strip() for line in path.read_text().splitlines())
    return tuple(Target.parse(line) for line in lines if line and not line.startswith("#"))
