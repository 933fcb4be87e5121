"""What a file's first bytes tell about where it runs."""

import pytest

from reagent.updates.elf import fault

ELF_AMD64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0"
PE_AMD64 = b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0\x64\x86" + bytes(18)
MACH_O_AMD64 = b"\xcf\xfa\xed\xfe\x07\0\0\x01" + bytes(12)
MACH_O_ARM64 = b"\xcf\xfa\xed\xfe\x0c\0\0\x01" + bytes(12)


@pytest.mark.parametrize(
    ("head", "arch", "system"),
    [
        (ELF_AMD64, "amd64", "linux"),
        (MACH_O_AMD64, "amd64", "darwin"),
        (PE_AMD64, "amd64", "win32"),
        (MACH_O_ARM64, "arm64", "darwin"),
    ],
)
def test_a_systems_own_executables_may_run(head: bytes, arch: str, system: str) -> None:
    assert fault(head, arch, system) == ""


@pytest.mark.parametrize(
    ("head", "arch", "system", "said"),
    [
        (MACH_O_AMD64, "amd64", "linux", "it is no ELF executable"),
        (ELF_AMD64, "arm64", "linux", "it is for ELF machine 62, this is arm64"),
        (ELF_AMD64, "amd64", "darwin", "it is no Mach-O executable"),
        (b"", "amd64", "darwin", "it is no Mach-O executable"),
        (ELF_AMD64, "amd64", "win32", "it is no Windows executable"),
        (PE_AMD64[:70], "amd64", "win32", "it is no Windows executable"),
        (b"", "amd64", "win32", "it is no Windows executable"),
        (
            PE_AMD64,
            "arm64",
            "win32",
            "it is a Windows executable for another processor, this is arm64",
        ),
        (
            MACH_O_AMD64,
            "arm64",
            "darwin",
            "it is a Mach-O file for another processor, this is arm64",
        ),
    ],
)
def test_others_are_refused_with_the_reason(head: bytes, arch: str, system: str, said: str) -> None:
    assert fault(head, arch, system) == said
