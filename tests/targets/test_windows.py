"""reagent.exe under wine: what it answers, and that it is an agent.

Nothing here has seen a real Windows (docs/decisions/0013-windows.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest

from reagent.settings import stamp
from reagent_build.targets import Target
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.fixtures import BUILT
from sandbox.processes import SandboxError
from sandbox.program import Program
from sandbox.wamp import Result
from sandbox.windows import script, windows
from tests.frozen.steps import PROCEDURES, registered, until, uri

# A start takes 5 s under wine, and its Windows is made in 15; machines have other things to do.
pytestmark = pytest.mark.timeout(400)

WINDOWS = Target("windows", "amd64")
EXECUTABLE = BUILT / WINDOWS.file_name
CONNECTED_S = 200.0


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    if not EXECUTABLE.exists():
        pytest.skip(f"{EXECUTABLE} was not built: nox -s build -- windows/amd64")
    folder = tmp_path_factory.mktemp("windows")
    # A build that is going on must not change what runs.
    copy = folder / EXECUTABLE.name
    shutil.copyfile(EXECUTABLE, copy)
    try:
        with windows(folder / "prefix") as environment:
            yield Program(script(copy, environment, folder / "reagent"), stamp.VERSION)
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture
async def online(cloud: Cloud, device: Device) -> AsyncIterator[Device]:
    """An agent that is connected, without an engine where Windows has its own."""
    device.engine = ""
    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED", within=CONNECTED_S)
    yield device
    await device.kill()


def say(program: Program, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [program.executable, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False,
        cwd=program.executable.parent, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- what it answers


def test_version_and_architecture_are_one_line_each(program: Program) -> None:
    assert say(program, "-version") == (0, f"{stamp.VERSION}\n", "")
    assert say(program, "--version") == (0, f"{stamp.VERSION}\n", "")
    assert say(program, "-arch") == (0, "amd64\n", "")


def test_help_shows_the_defaults_of_a_windows(program: Program) -> None:
    status, out, shown = say(program, "-help")

    assert (status, out) == (0, "")
    assert shown.startswith("Usage of ")
    assert r'\\reagent\\apps")' in shown
    assert r'\\reagent\\reagent.log")' in shown
    assert "/opt/reagent" not in shown


def test_refusals_have_the_exit_statuses_of_every_system(program: Program) -> None:
    unknown = say(program, "-nonsense")
    bad = say(program, "-respTimeout=soon")
    nothing = say(program)
    missing = say(program, "-config", "nowhere.flock", "-logFile=nowhere.log", "-agentDir=agent")

    assert (unknown[0], unknown[1]) == (2, "")
    assert unknown[2].startswith("flag provided but not defined: -nonsense\n")
    assert (bad[0], nothing[0]) == (2, 0)
    assert nothing[1].startswith("-config is required")
    assert missing[0] == 1
    assert "nowhere.flock" in missing[2]


def test_what_is_for_linux_devices_is_refused_with_a_line(program: Program) -> None:
    status, out, why = say(program, "flash")

    assert (status, out, why.count("\n")) == (1, "", 1)
    assert why.startswith("reagent flash: not on Windows")


def test_commands_that_cannot_be_read_end_with_two(program: Program) -> None:
    assert [say(program, *words)[0] for words in (("update",), ("status", "-nonsense"))] == [2, 2]


def test_where_nobody_runs_commands_look_into_the_folder(program: Program) -> None:
    folder = program.executable.parent / "nobody"
    folder.mkdir()
    place = f"-agentDir=Z:{folder}"

    status, shown, _ = say(program, "status", place)
    for_programs = say(program, "update", "status", "--json", place)
    check = say(program, "update", "check", place)
    nothing = say(program, "update", "repair", place)
    shutil.copyfile(EXECUTABLE, folder / "reagent.exe")
    repaired = say(program, "update", "repair", place)
    nowhere = say(program, "status", f"{place}-nowhere")

    assert status == 3
    assert shown.startswith("agent       not running\n")
    assert (for_programs[0], json.loads(for_programs[1])["running"]) == (0, False)
    assert (check[0], check[1]) == (1, "")
    assert "no agent runs here" in check[2]
    assert (nothing[0], repaired[0], nowhere[0]) == (1, 0, 1)
    assert "Reagent-active names reagent.exe now" in repaired[1]


# --- that it is an agent


async def test_it_comes_online_and_says_what_it_is_made_of(online: Device) -> None:
    entries = {str(entry["message"]): entry for entry in online.entries()}

    assert {"python", "openssl", "sqlite"} <= set(entries["the agent starts"])
    assert "updates are staged here, never tried" in entries
    assert not [each for each in online.entries() if each["level"] in {"error", "fatal"}]
    assert online.database.read_bytes()[:15] == b"SQLite format 3"
    assert online.document["serial_number"] == online.identity.serial_number
    assert b"\r" not in online.flashed.device_file.read_bytes()
    assert list(online.flashed.folder.glob(".device-*.json"))


async def test_commands_reach_the_agent_that_runs(
    program: Program,
    cloud: Cloud,
) -> None:
    device = cloud.new_device(
        program, flags=(f"-remoteUpdateURL={cloud.bucket.url}", "-update=false")
    )
    device.engine = ""
    cloud.bucket.publish(stamp.VERSION, EXECUTABLE, WINDOWS)
    cloud.bucket.roll_out(stamp.VERSION)
    stick = device.folder / "stick"
    stick.mkdir()
    shutil.copyfile(EXECUTABLE, stick / "reagent.exe")
    digest = hashlib.sha256(EXECUTABLE.read_bytes()).hexdigest()
    (stick / "reagent.exe.sha256").write_text(f"{digest}\n")
    place = f"-agentDir=Z:{device.flashed.folder}"
    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED", within=CONNECTED_S)

    async def ask(*words: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(say, program, *words, place)

    shown = await ask("status")
    report = await ask("update", "status", "--json")
    checked = await ask("update", "check")
    applied = await ask("update", "apply", f"Z:{stick}/reagent.exe")
    elsewhere = await asyncio.to_thread(say, program, "status", f"{place}/..")
    unblocked = await ask("update", "unblock", "9.9.9")
    await device.kill_tree()
    killed = await ask("status")

    assert (shown[0], shown[2]) == (0, "")
    assert f"running, version {stamp.VERSION}, connected to ws://" in shown[1]
    assert device.identity.serial_number in shown[1]
    assert (report[0], json.loads(report[1])["connected"]) == (0, True)
    assert checked[:2] == (0, f"nothing newer than {stamp.VERSION} is announced for this device\n")
    assert (applied[0], applied[1]) == (1, "")
    assert "only a newer one is taken" in applied[2]
    assert (elsewhere[0], elsewhere[1].splitlines()[0]) == (3, "agent       not running")
    assert (unblocked[0], unblocked[1]) == (1, "")
    assert "version 9.9.9 is not blocked here" in unblocked[2]
    assert (killed[0], killed[1].splitlines()[0]) == (3, "agent       not running")


async def test_an_absent_engine_and_a_second_agent_are_said_and_change_nothing(
    cloud: Cloud, online: Device
) -> None:
    second = subprocess.run(
        online.command, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env=online.variables, timeout=120,
    )  # fmt: skip
    await cloud.backend.status(online.identity, "CONNECTED", since=1, within=CONNECTED_S)

    assert second.returncode == 1
    assert b"another reagent is already running on this device" in second.stderr
    said = [each for each in online.entries() if each["message"] == "the engine does not answer"]
    assert len(said) == 1
    assert "npipe:////./pipe/docker_engine" in str(said[0]["error"])


async def test_it_answers_for_a_windows(online: Device, user: Caller) -> None:
    async def ask(suffix: str, *arguments: object) -> Result:
        return await user.session.call(uri(online.identity, suffix), *arguments, within=60)

    handshake = await ask("device_handshake")
    metadata = await ask("get_agent_metadata")
    addresses = await ask("get_ipv4_addresses")
    said = await ask(
        "execute_cmd", {"cmd": "cmd", "args": ["/c", "echo", "hello"], "blocking": True}
    )

    assert set(PROCEDURES) <= await registered(user, online.identity)
    assert handshake.kwargs["id"] == online.identity.serial_number
    (described,) = metadata.args
    assert isinstance(described, dict)
    assert (described["arch"], described["version"]) == ("amd64", stamp.VERSION)
    assert re.fullmatch(r"windows (\d+\.\d+\.\d+) \1", str(described["os"]))
    assert addresses.args
    assert str(said.args[0]).strip() == "hello"


async def test_a_version_that_is_not_what_was_announced_leaves_nothing_but_its_block(
    program: Program, cloud: Cloud
) -> None:
    bucket = f"-remoteUpdateURL={cloud.bucket.url}"
    device = cloud.new_device(program, flags=(bucket,))
    device.engine = ""
    cloud.bucket.publish("9.9.9", EXECUTABLE, WINDOWS)
    cloud.bucket.roll_out("9.9.9")
    state = device.flashed.folder / "updates.json"

    await device.start()
    await until(state.exists, CONNECTED_S, "updates.json")
    (blocked,) = json.loads(state.read_bytes())["blocked"]
    downloads = device.flashed.folder / "downloads"
    await until(lambda: not list(downloads.iterdir()), CONNECTED_S, "nothing in downloads/")
    await device.kill()

    assert f"it says that it is version '{stamp.VERSION}'" in str(blocked)
    assert not list(device.flashed.folder.glob("reagent-v9.9.9*"))
