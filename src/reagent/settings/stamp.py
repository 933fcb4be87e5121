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

# Below the package, `<version>.root.json`; in a source tree the folder that the variable names.
ROOTS = "trust/"
ROOTS_OF_SOURCE = "REAGENT_TRUST_ROOTS"


def signed() -> bool:
    """Whether this build brings a root of trust; one that does not goes by a plain bucket."""
    if FREEZER == "source":
        import os  # noqa: PLC0415 - where it is imported already

        return bool(os.environ.get(ROOTS_OF_SOURCE))
    return bool(resources.names(ROOTS))


def trust() -> str:
    """The word for that, wherever a person reads the version."""
    return "signed" if signed() else "unsigned"
