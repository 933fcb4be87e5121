"""Whether a file's first bytes are those of an executable for this machine."""

from __future__ import annotations

import sys
from typing import Final

# So much is read; an ELF header is far shorter.
HEADER: Final = 1024
_ELF_HEADER: Final = 20
_ARM: Final = (40, 1)
# Architecture, as `settings.stamp` says it: the ELF machine and class, 1 for 32 bits, 2 for 64.
MACHINES: Final = {
    "amd64": (62, 2),
    "arm64": (183, 2),
    "armv7": _ARM,
    "armv6": _ARM,
    "armv5": _ARM,
    "386": (3, 1),
    "riscv64": (243, 2),
}
_LITTLE: Final = 1
_EXECUTABLE_OR_PIE: Final = frozenset({2, 3})


# darwin's executables are of another kind: the magic number, and the processor behind it.
_MACH_O: Final = b"\xcf\xfa\xed\xfe"
_PE_PROCESSORS: Final = {"amd64": 0x8664, "arm64": 0xAA64}
_PROCESSORS: Final = {"amd64": b"\x07\0\0\x01", "arm64": b"\x0c\0\0\x01"}


def fault(head: bytes, arch: str, system: str = sys.platform) -> str:
    """Why it does not run on this architecture; empty when it may. Unknown architectures may.

    `system` is as `sys.platform` says it.
    """
    if system == "darwin":
        return _fault_of_mach_o(head, arch)
    if system == "win32":
        return _fault_of_pe(head, arch)
    if len(head) < _ELF_HEADER or head[:4] != b"\x7fELF":
        return "it is no ELF executable"
    if head[5] != _LITTLE or int.from_bytes(head[16:18], "little") not in _EXECUTABLE_OR_PIE:
        return "it is an ELF file of another kind"
    expected = MACHINES.get(arch)
    found = (int.from_bytes(head[18:20], "little"), head[4])
    if expected is not None and found != expected:
        return f"it is for ELF machine {found[0]}, this is {arch}"
    return ""


def _fault_of_pe(head: bytes, arch: str) -> str:
    # Behind what DOS is to run stand the kind and the processor; where, says a number at 60.
    at = int.from_bytes(head[60:64], "little")
    if head[:2] != b"MZ" or head[at : at + 4] != b"PE\0\0":
        return "it is no Windows executable"
    found = int.from_bytes(head[at + 4 : at + 6], "little")
    if _PE_PROCESSORS.get(arch, found) != found:
        return f"it is a Windows executable for another processor, this is {arch}"
    return ""


def _fault_of_mach_o(head: bytes, arch: str) -> str:
    if head[:4] != _MACH_O:
        return "it is no Mach-O executable"
    if arch in _PROCESSORS and head[4:8] != _PROCESSORS[arch]:
        return f"it is a Mach-O file for another processor, this is {arch}"
    return ""
