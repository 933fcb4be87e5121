"""Who this executable says it is. Read before anything else, so it imports next to nothing.

`ARCH` is the architecture it was built for, not the kernel's: a 32-bit executable under a 64-bit
kernel updates itself with 32-bit ones. Words as in docs/contract/system.md 4.4: amd64, arm64,
armv7, armv6, armv5, 386, riscv64.
"""

import sys

from reagent import _built, resources

# What `uname -m` says, in the platform's words; docs/contract/system.md 7.2.
ARCH_OF_MACHINE = {
    "x86_64": "amd64",
    "AMD64": "amd64",
    "arm64": "arm64",
    "aarch64": "arm64",
    "aarch64_be": "arm64",
    "armv8l": "arm64",
    "armv8b": "arm64",
    "armv7l": "armv7",
    "armv6l": "armv6",
    "arm": "armv5",
    "i386": "386",
    "i686": "386",
    "riscv64": "riscv64",
}


def _machine() -> str:
    if sys.platform == "win32":
        import platform  # noqa: PLC0415 - slow, and only here the only way

        return platform.machine()
    import os  # noqa: PLC0415

    return os.uname().machine


def _arch() -> str:
    if _built.ARCH is not None:
        return _built.ARCH
    machine = _machine()
    if machine.startswith("armv5"):
        return "armv5"
    return ARCH_OF_MACHINE.get(machine, machine)


VERSION = resources.read("version.txt").decode().strip()
ARCH = _arch()
COMMIT = _built.COMMIT
# "static", "pyinstaller" or "source".
FREEZER = _built.FREEZER
