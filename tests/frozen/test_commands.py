"""`reagent status` and `reagent update`, typed at a device, with its agent running and without."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.bucket_faults import Fault
from sandbox.cloud import Cloud
from sandbox.program import Program
from tests.fakes.hung_mount import hung
from tests.frozen.typed import stick, typed
from tests.frozen.updating import Press, Unit, started

NEW = "1.1.0"

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def press(cloud: Cloud, program: Program) -> Press:
    return Press.of(cloud, program)


@pytest.fixture
async def unit(cloud: Cloud, program: Program, press: Press) -> Unit:
    """A device that is CONNECTED; its bucket holds nothing newer."""
    unit = Unit(cloud, program)
    press.release(program.version)
    await started(unit)
    return unit


async def test_status_tells_in_words_how_a_connected_device_is_doing(
    unit: Unit, program: Program
) -> None:
    said = await typed(unit, "status")

    assert (said.status, said.error) == (0, "")
    assert said.row["agent"].startswith(f"running, version {program.version}, connected to ws://")
    assert said.row["device"] == unit.device.identity.serial_number
    assert said.row["active"] == f"reagent-v{program.version}"
    assert said.row["trial"] == "none"


async def test_status_for_programs_is_json_with_every_key(unit: Unit) -> None:
    said = await typed(unit, "status", "--json")

    report = json.loads(said.out)
    assert report["running"] is report["connected"] is True
    assert report["folder"] == str(unit.folder)
    assert {"active", "previous", "trial", "last", "blocked", "floor", "troubles"} <= set(report)


async def test_status_without_an_agent_tells_what_the_folder_says(
    unit: Unit, program: Program
) -> None:
    await unit.device.stop()

    said = await typed(unit, "status")

    assert said.status == 3
    assert said.row["agent"] == "not running"
    assert said.row["active"] == f"reagent-v{program.version}"


async def test_the_agent_leaves_no_socket_behind(unit: Unit) -> None:
    run = Path(unit.device.environment["REAGENT_RUN_DIR"])
    before = {each.name: each.stat().st_mode & 0o777 for each in run.iterdir()}

    await unit.device.stop()

    assert before == {".control": 0o600}
    assert list(run.iterdir()) == []


async def test_a_check_takes_what_is_announced_and_says_so(unit: Unit, press: Press) -> None:
    nothing = await typed(unit, "update", "check")
    press.release(NEW)

    said = await typed(unit, "update", "check")

    assert (nothing.status, nothing.out.split()[:2]) == (0, ["nothing", "newer"])
    assert (said.status, said.out) == (
        0, f"version {NEW} is staged; its trial begins within a minute\n",
    )  # fmt: skip
    await unit.on(NEW)


async def test_a_check_tells_why_there_is_none(unit: Unit, press: Press) -> None:
    press.release(NEW)
    unit.cloud.bucket.break_with(Fault.MISSING_CHECKSUM)

    said = await typed(unit, "update", "check")
    status = await typed(unit, "update", "status")

    assert (said.status, said.out) == (1, "")
    assert said.error.startswith("reagent: ")
    assert status.row["refused"] in said.error


async def test_a_file_on_a_stick_is_tried_and_committed(
    unit: Unit, press: Press, tmp_path: Path
) -> None:
    file = stick(tmp_path, press.origin.variant(NEW))

    said = await typed(unit, "update", "apply", str(file))

    assert (said.status, said.out.startswith(f"{NEW} is staged; its trial begins when")) == (
        0,
        True,
    )
    await unit.on(NEW)
    assert (await typed(unit, "update", "status")).row["last"] == f"version {NEW} was committed"


async def test_a_file_is_staged_without_an_agent_and_tried_at_its_next_start(
    unit: Unit, press: Press, program: Program, tmp_path: Path
) -> None:
    await unit.device.stop()
    file = stick(tmp_path, press.origin.variant(NEW))

    said = await typed(unit, "update", "apply", str(file))
    waiting = await typed(unit, "update", "status")

    assert (said.status, said.out) == (0, f"{NEW} is staged; its trial begins at the next start\n")
    assert waiting.row["trial"].startswith(f"version {NEW}, a newer version")
    assert unit.active == program.version
    await started(unit)
    await unit.on(NEW)


async def test_a_file_is_staged_on_a_device_that_was_never_started(
    cloud: Cloud, program: Program, press: Press, tmp_path: Path
) -> None:
    unit = Unit(cloud, program)

    said = await typed(unit, "update", "apply", str(stick(tmp_path, press.origin.variant(NEW))))

    assert (said.status, said.error.count("\n")) == (0, said.error.count("copying"))
    assert (unit.folder / "downloads").stat().st_mode & 0o777 == 0o700
    assert unit.trial["version"] == NEW


async def test_what_hangs_is_given_up_and_the_next_look_finds_what_is_announced(
    unit: Unit, press: Press, tmp_path: Path
) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    press.release(NEW)
    with ExitStack() as share:
        try:
            share.enter_context(hung(folder))
        except OSError as error:
            pytest.skip(f"no file system of ours can be mounted here: {error}")
        said = await typed(unit, "update", "apply", str(folder / "reagent"))
        meanwhile = await typed(unit, "status")

    again = await typed(unit, "update", "check")

    assert (said.status, "nothing came for 30 s" in said.error) == (1, True)
    assert (meanwhile.status, again.status) == (0, 0)
    await unit.on(NEW)


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("", "reagent.sha256: No such file or directory"),
        ("0" * 64, "its digest is"),
        ("<html>", "the checksum file holds no SHA-256"),
    ],
)
async def test_a_file_that_nobody_vouches_for_is_refused(
    unit: Unit, press: Press, tmp_path: Path, note: str, why: str
) -> None:
    file = stick(tmp_path, press.origin.variant(NEW), note=note)

    said = await typed(unit, "update", "apply", str(file))

    assert (said.status, said.out) == (1, "")
    assert why in said.error
    assert not unit.trial
    assert list((unit.folder / "downloads").iterdir()) == []


async def test_only_a_newer_version_is_taken_from_a_file(
    unit: Unit, press: Press, program: Program, tmp_path: Path
) -> None:
    file = stick(tmp_path, press.origin.variant("0.9.9"))

    said = await typed(unit, "update", "apply", str(file))

    assert said.status == 1
    assert f"the file is version 0.9.9, and {program.version} runs here" in said.error
    assert not (unit.folder / "reagent-v0.9.9").exists()


async def test_an_unsigned_build_takes_no_older_version_and_says_what_there_is(
    unit: Unit, press: Press, tmp_path: Path
) -> None:
    file = stick(tmp_path, press.origin.variant("0.9.9"))

    said = await typed(unit, "update", "apply", "--downgrade", str(file))

    assert said.status == 1
    assert "this build is unsigned: nobody vouches for an older version" in said.error
    assert "reagent update rollback" in said.error
    assert not (unit.folder / "reagent-v0.9.9").exists()


async def test_a_version_is_given_up_by_order_and_may_come_back_by_order(
    unit: Unit, press: Press, program: Program
) -> None:
    press.release(NEW)
    await typed(unit, "update", "check")
    await unit.on(NEW)

    said = await typed(unit, "update", "rollback")
    await unit.on(program.version, blocked=[NEW])
    again = await typed(unit, "update", "unblock", NEW)
    twice = await typed(unit, "update", "unblock", NEW)

    assert said.status == again.status == 0
    assert said.out.startswith(f"going back to version {program.version}")
    assert unit.blocked == []
    assert (twice.status, twice.error) == (1, f"reagent: version {NEW} is not blocked here\n")


async def test_without_a_version_before_nothing_is_given_up(unit: Unit, program: Program) -> None:
    said = await typed(unit, "update", "rollback")

    assert (said.status, said.error) == (
        1,
        f"reagent: there is no version before {program.version} here to go back to\n",
    )
    assert unit.active == program.version


async def test_nothing_is_changed_while_a_version_is_on_trial(
    cloud: Cloud, program: Program, press: Press
) -> None:
    unit = Unit(cloud, program, soak=600.0)
    press.release(NEW)
    await started(unit)
    await unit.tried()
    await unit.until("the candidate takes commands", reported=NEW)

    said = await typed(unit, "update", "rollback")
    status = await typed(unit, "status")

    assert (said.status, "is on trial here and changes nothing" in said.error) == (1, True)
    assert status.row["trial"].startswith(f"version {NEW}, a newer version, running now")


async def test_a_folder_whose_links_name_nothing_is_mended(unit: Unit, program: Program) -> None:
    await unit.device.stop()
    command = str(unit.folder / f"reagent-v{program.version}")
    for name in ("active", "latest"):
        link = unit.folder / f"Reagent-{name}"
        link.unlink()
        link.symlink_to(unit.folder / "reagent-v9.9.9")

    process = await asyncio.create_subprocess_exec(
        command, "update", "repair", f"-agentDir={unit.folder}", env=unit.device.variables,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()

    file = f"reagent-v{program.version}"
    assert out.decode() == f"Reagent-active names {file} now; Reagent-latest names {file} now\n"
    await started(unit)
    again = await typed(unit, "update", "repair")
    assert (again.status, again.out) == (0, "every link names what it should\n")


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("update",), 2, "the following arguments are required: COMMAND"),
        (("update", "bogus"), 2, "invalid choice: 'bogus'"),
        (("update", "apply"), 2, "the following arguments are required: FILE"),
        (("status", "--bogus"), 2, "unrecognized arguments: --bogus"),
        (("update", "repair", "-agentDir=/nowhere"), 1, "there is no agent in /nowhere"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    program: Program, tmp_path: Path, words: tuple[str, ...], status: int, text: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        program.executable, *words, env={"REAGENT_RUN_DIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate()

    assert (process.returncode, out) == (status, b"")
    assert text in error.decode()
    assert error.decode().count("\n") == 1
