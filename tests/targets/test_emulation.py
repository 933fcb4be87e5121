"""Other processors' executables run as if they were this machine's, and nothing of that stays.

The executables here are a few bytes long; those that were built are judged by `tests/frozen`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reagent_build.targets import PLATFORMS, Target
from sandbox.emulation import Emulation, command, runnable
from sandbox.fixtures import unavailable
from sandbox.processes import SandboxError
from sandbox.reaper import BINFMT
from sandbox.under_test import is_emulated
from tests.frozen.tiny import executable

FOREIGN = [each for each in PLATFORMS if each.os == "linux" and is_emulated(each)]
SELVES = """
import os, signal, sys
from pathlib import Path
from reagent_build.targets import Target
from sandbox.emulation import Emulation
opened = Emulation(Target.parse(sys.argv[1]), Path(sys.argv[2]))
print(opened.entry, Path("/proc/sys/fs/binfmt_misc", opened.entry).exists(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def registered() -> set[str]:
    return {each.name for each in Path(BINFMT).iterdir()}


@pytest.fixture(params=FOREIGN, ids=str)
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.param
    try:
        command(found)
    except SandboxError as error:
        unavailable(str(error))
    return found


@pytest.fixture
def file(target: Target, tmp_path: Path) -> Path:
    file = tmp_path / "hello"
    file.write_bytes(executable(target, "hello", status=7))
    return file


def test_it_runs_by_its_name_alone_whatever_the_environment(target: Target, file: Path) -> None:
    with runnable(file, target, file.parent) as program:
        done = subprocess.run([program], env={}, capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (7, b"hello\n")


def test_what_it_runs_by_is_taken_back(target: Target, file: Path) -> None:
    with Emulation(target, file.parent) as opened:
        inside = registered()

    assert opened.entry in inside
    assert opened.entry not in registered()


def test_what_it_runs_by_is_taken_back_when_nobody_is_left_to_do_it(
    target: Target, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SELVES, str(target), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    entry, was_there = done.stdout.split()
    assert was_there == "True"
    assert entry not in registered()
