"""However it is started: folders for temporary files, variables, descriptors, limits, umask."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.engine import OwnEngine
from sandbox.program import Program
from tests.frozen.surroundings import answers, on_tree, without_traceback

pytestmark = pytest.mark.timeout(60)

TMP: dict[str, dict[str, Any]] = {
    "noexec": {"late_mounts": (("tmpfs", "", "/tmp", "noexec,mode=1777"),)},
    "read-only": {"late_mounts": (("tmpfs", "", "/tmp", "ro"),)},
    "full": {"late_mounts": (("tmpfs", "", "/tmp", "nr_inodes=1,mode=1777"),)},
    "absent": {"removed": ("/tmp",)},
}
VARIABLES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nowhere for temporary files": ({"TMPDIR": "/nowhere"}, ()),
    "none": ({}, ("HOME", "PATH", "LANG", "REAGENT_RUN_DIR")),
    "empty": ({"HOME": "", "PATH": "", "LANG": ""}, ()),
    "an 8-bit locale": ({"LC_ALL": "de_DE.ISO-8859-1", "LANG": "de_DE.ISO-8859-1"}, ()),
    "a locale of nowhere": ({"LC_ALL": "xx_YY.GB18030", "LOCPATH": "/nowhere"}, ()),
    "what a loader would obey": (
        {"LD_PRELOAD": "/nowhere.so", "LD_LIBRARY_PATH": "/nowhere", "GCONV_PATH": "/nowhere",
         "OPENSSL_CONF": "/nowhere.cnf", "PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere"},
        (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", TMP)
async def test_it_needs_no_folder_for_temporary_files(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, state: str
) -> None:
    device = cloud.new_device(program)
    # The lock of /run, so that the one in /tmp is tried as well.
    device.prefix = on_tree(device, "current", unset=("REAGENT_RUN_DIR",), **TMP[state]).prefix

    await answers(cloud, device, user)

    without_traceback(device)
    assert await device.stop() == 0


@pytest.mark.parametrize("kind", VARIABLES)
async def test_variables_are_no_condition(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, kind: str
) -> None:
    device = cloud.new_device(program)
    given, unset = VARIABLES[kind]
    device.environment |= given
    device.prefix = on_tree(device, "current", unset=unset).prefix

    await answers(cloud, device, user)

    without_traceback(device)
    assert await device.stop() == 0


@pytest.mark.parametrize("null", ["with", "without"])
async def test_closed_descriptors_stay_nobodys(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, null: str
) -> None:
    device = cloud.new_device(program)
    hidden = () if null == "with" else (("tmpfs", "", "/dev", ""),)
    device.prefix = on_tree(device, "current", closed=(0, 1, 2), late_mounts=hidden).prefix

    await answers(cloud, device, user, "-prettyLogging")

    held = [Path(f"/proc/{device.pid}/fd/{number}").stat() for number in range(3)]
    if null == "with":
        assert {each.st_rdev for each in held} == {Path("/dev/null").stat().st_rdev}
    else:
        assert all(stat.S_ISFIFO(each.st_mode) for each in held)
    assert device.database.read_bytes().startswith(b"SQLite format 3\0")
    without_traceback(device)
    assert await device.stop() == 0


async def test_few_descriptors_are_enough_for_a_device_with_little_to_do(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    device = cloud.new_device(program)
    device.prefix = on_tree(device, "current", open_files=32).prefix

    await answers(cloud, device, user)

    without_traceback(device)
    assert await device.stop() == 0


@pytest.mark.parametrize("umask", [0o000, 0o777], ids=oct)
async def test_the_umask_changes_no_mode(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, umask: int
) -> None:
    device = cloud.new_device(program)
    device.prefix = on_tree(device, "current", umask=umask).prefix

    await answers(cloud, device, user)

    status = Path(f"/proc/{device.pid}/status").read_text("ascii")
    assert "Umask:\t0022" in status  # what programs inherit that it starts
    modes = {
        str(path.relative_to(device.folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in (device.log, device.database, device.apps, device.apps / "shared",
                     device.apps / "build", device.folder / "run")
    }  # fmt: skip
    assert modes == {
        "reagent.log": 0o600,
        "agent/reagent.db": 0o600,
        "apps": 0o755,
        "apps/shared": 0o755,
        "apps/build": 0o700,
        "run": 0o700,
    }
    assert await device.stop() == 0


async def test_the_folder_it_is_started_in_may_be_gone(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    device = cloud.new_device(program)
    device.prefix = on_tree(device, "current", cwd="deleted").prefix

    await answers(cloud, device, user)

    without_traceback(device)
    assert await device.stop() == 0


async def test_a_system_that_can_only_be_read_is_online_all_the_same(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    device = cloud.new_device(program)
    here = str(device.folder)
    read_only = [("remount", "", place, "ro") for place in (here, "/run", "")]
    surroundings = on_tree(
        device, "current", unset=("REAGENT_RUN_DIR",), late_mounts=tuple(read_only)
    )
    device.prefix = surroundings.prefix

    await answers(cloud, device, user)

    said = device.printed()
    assert "Read-only file system" in said
    without_traceback(device)
    assert await device.stop() == 0
