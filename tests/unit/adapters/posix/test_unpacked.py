"""adapters.posix.unpacked: what a build that unpacks itself owes to the system."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reagent.adapters.posix.unpacked import hold, restore, spawn_tied, tidy

MARK = "reagent.in-use"
HOLDER = """
import sys
from reagent.adapters.posix.unpacked import hold
hold(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def gone() -> int:
    """The number of a process that has just ended."""
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    return process.pid


def unpacked(tmp_path: Path, boot_loader: int, *, marked: bool = True, ours: bool = True) -> Path:
    folder = tmp_path / f"_MEI{boot_loader:08x}Abc123"
    folder.mkdir()
    if ours:
        (folder / "reagent").mkdir()
    (folder / "libpython.so").write_text("x")
    if marked:
        (folder / MARK).touch()
    return folder


@pytest.mark.parametrize(
    ("inherited", "restored"),
    [
        ({"A": "1"}, {"A": "1"}),
        ({"LD_LIBRARY_PATH": "/bundle"}, {}),
        (
            {"LD_LIBRARY_PATH": "/bundle:/x", "LD_LIBRARY_PATH_ORIG": "/x"},
            {"LD_LIBRARY_PATH": "/x"},
        ),
    ],
)
def test_programs_get_the_loaders_path_from_before_the_bundle_and_are_nobodys_part(
    inherited: dict[str, str], restored: dict[str, str]
) -> None:
    restore(inherited)

    assert inherited == restored | {"PYINSTALLER_RESET_ENVIRONMENT": "1"}


def test_a_folder_is_in_use_for_as_long_as_its_agent_lives_however_it_ends(
    tmp_path: Path,
) -> None:
    folder = unpacked(tmp_path, gone(), marked=False)
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": "src"}
    ) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"held\n"
        while_it_lives = tidy(str(tmp_path))
        agent.kill()
        agent.wait()

        afterwards = tidy(str(tmp_path))

    assert while_it_lives == []
    assert afterwards == [str(folder)]
    assert not folder.exists()


def test_a_folder_whose_boot_loader_was_killed_before_the_agent_ran_is_removed(
    tmp_path: Path,
) -> None:
    folder = unpacked(tmp_path, gone(), marked=False)

    removed = tidy(str(tmp_path))

    assert removed == [str(folder)]


def test_what_is_in_use_or_not_ours_or_a_link_stays(tmp_path: Path) -> None:
    boot_loader_runs = unpacked(tmp_path, os.getpid())
    of_another_program = unpacked(tmp_path, gone(), marked=False, ours=False)
    elsewhere = unpacked(tmp_path, os.getppid()).rename(tmp_path / "elsewhere")
    (tmp_path / f"_MEI{gone():08x}Link").symlink_to(elsewhere)
    (tmp_path / f"_MEI{gone():08x}File").touch()
    (tmp_path / "_MEIwhatever").mkdir()

    removed = tidy(str(tmp_path))

    assert removed == []
    assert all(each.exists() for each in (boot_loader_runs, of_another_program, elsewhere))


def test_what_a_boot_loader_above_us_unpacked_for_a_version_before_is_emptied(
    tmp_path: Path,
) -> None:
    of_a_version_before = unpacked(tmp_path, os.getppid())
    (of_a_version_before / "link").symlink_to(tmp_path)

    done = tidy(str(tmp_path))

    assert done == [str(of_a_version_before)]
    assert [each.name for each in of_a_version_before.iterdir()] == [MARK]
    assert tidy(str(tmp_path)) == []


def test_what_somebody_above_us_still_runs_from_stays(tmp_path: Path) -> None:
    parent_of_a_trial = unpacked(tmp_path, os.getppid())
    with (parent_of_a_trial / MARK).open() as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)

        assert tidy(str(tmp_path)) == []

    assert (parent_of_a_trial / "libpython.so").exists()


def test_what_nobody_above_us_ever_marked_stays(tmp_path: Path) -> None:
    unmarked = unpacked(tmp_path, os.getppid(), marked=False)

    assert tidy(str(tmp_path)) == []
    assert (unmarked / "libpython.so").exists()


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes files for others")
    folder = unpacked(tmp_path, gone())
    os.chown(folder, 12345, 12345)

    removed = tidy(str(tmp_path))

    assert removed == []


def test_a_held_folder_cannot_be_held_twice(tmp_path: Path) -> None:
    folder = unpacked(tmp_path, gone())
    with (folder / MARK).open() as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)

        with pytest.raises(BlockingIOError):
            hold(str(folder))


PARENT = """
import os, sys
from reagent.adapters.posix.unpacked import spawn_tied
pid = spawn_tied("/bin/sleep", ["sleep", "600"], {})
print(pid, os.getpgid(pid) == pid, flush=True)
sys.stdin.read()
"""


def test_what_is_spawned_tied_ends_with_us_even_when_it_is_stopped() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": "src"},
    ) as parent:
        assert parent.stdout is not None
        pid, leads_a_group = parent.stdout.readline().split()
        watch = os.pidfd_open(int(pid))
        os.kill(int(pid), signal.SIGSTOP)
        parent.kill()
        parent.wait()
        ended, _, _ = select.select([watch], [], [], 10.0)
        os.close(watch)

    assert leads_a_group == b"True"
    assert ended == [watch]


def test_what_cannot_be_spawned_says_why() -> None:
    with pytest.raises(FileNotFoundError):
        spawn_tied("/nowhere/reagent", ["reagent"], {})
