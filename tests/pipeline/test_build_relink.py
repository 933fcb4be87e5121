"""What an executable was linked from: anybody can link it again (docs/guide/licences.md).

Run twice by `./check`: with this machine's linker, and in the build image with the linker that
made the executable (`unit_frozen_python`).
"""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from reagent_build import probe
from reagent_build.sbom_facts import objects_of
from reagent_build.targets import machine_target

REPOSITORY = Path(__file__).resolve().parents[2]
EXECUTABLE = REPOSITORY / "build/out" / machine_target(sys.platform, os.uname().machine).file_name
LINKED = pytest.mark.skipif(
    not objects_of(EXECUTABLE).exists() or shutil.which("ld") is None or shutil.which("as") is None,
    reason=f"{objects_of(EXECUTABLE).name} is not built, or there are no binutils here",
)
# As it is called in the system's C library: Python asks it for os.getppid().
CHANGED = """
    .section .text.getppid,"ax",@progbits
    .globl getppid, __getppid
    .type getppid, @function
getppid:
__getppid:
    movl $4242, %eax
    ret
    .section .note.GNU-stack,"",@progbits
"""


def link_again(folder: Path) -> Path:
    subprocess.run(["sh", folder / "relink.sh"], capture_output=True, text=True, check=True)
    return folder / "reagent"


@LINKED
@pytest.mark.timeout(180)
def test_it_can_be_linked_again_with_a_c_library_that_was_changed(tmp_path: Path) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the change is written for x86_64")
    with tarfile.open(objects_of(EXECUTABLE)) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "getppid.s").write_text(CHANGED)
    subprocess.run(["as", "getppid.s", "-o", "getppid.o"], cwd=tmp_path, check=True)
    subprocess.run(["ar", "r", "linked/libc.a", "getppid.o"], cwd=tmp_path, check=True)

    again = link_again(tmp_path)

    version = (REPOSITORY / "src/reagent/version.txt").read_text()
    said = subprocess.run(
        [again, "-version"], capture_output=True, text=True, check=False, env={}, timeout=60
    )
    asked = "import os; print(os.getppid())"
    assert (said.returncode, said.stdout) == (0, version)
    assert probe.run(again, asked).stdout == "4242\n"
    assert probe.run(EXECUTABLE, asked).stdout != "4242\n"


@LINKED
@pytest.mark.timeout(180)
def test_linked_again_by_the_same_linker_it_is_the_same_file(tmp_path: Path) -> None:
    with tarfile.open(objects_of(EXECUTABLE)) as archive:
        archive.extractall(tmp_path, filter="data")
    used = (tmp_path / "versions.txt").read_text().splitlines()[0]
    here = subprocess.run(["ld", "--version"], capture_output=True, text=True, check=True).stdout
    if here.splitlines()[0] != used:
        pytest.skip(f"this machine has another linker than {used}")

    assert link_again(tmp_path).read_bytes() == EXECUTABLE.read_bytes()
