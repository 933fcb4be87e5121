"""Procedures that act on the machine: power, pruning, the system's release, commands.

`reboot`, `poweroff` and `systemctl` are stand-ins that every device of the sandbox finds first.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.engine import GivenEngine, OwnEngine, own_engine
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.platform import scripted
from tests.frozen.scripted_router import PUBLISH, YIELD
from tests.frozen.steps import AppOf, online, until, uri
from tests.frozen.test_privileges import Online, error_of
from tests.frozen.test_procedures import result_of

pytestmark = pytest.mark.timeout(60)

ORDERS = {
    "system_reboot": "reboot",
    "system_shutdown": "poweroff",
    "system_restart_agent": "systemctl restart reagent",
}


@pytest.fixture
async def bare(cloud: Cloud, program: Program) -> AsyncIterator[Online]:
    """Connected, without an engine."""
    async with scripted(cloud, program, engine="unix:///nowhere/docker.sock") as (router, device):
        await device.start()
        await router.until(lambda: len(router.registrations) == 35, 15.0)
        yield Online(router, device)


# --- power


async def test_orders_for_the_machine_are_answered_at_once_and_carried_out_two_seconds_later(
    bare: Online,
) -> None:
    began = time.monotonic()
    answers = await asyncio.gather(*(bare.call(name, "501", "ignored") for name in ORDERS))
    answered = time.monotonic() - began
    at_once = list(bare.device.standins.called)

    await until(lambda: len(bare.device.standins.called) == 3, within=6.0)

    assert [result_of(answer) for answer in answers] == [[], [], []]
    assert answered < patient(1.9)
    assert at_once == []
    assert time.monotonic() - began > 1.9
    assert sorted(bare.device.standins.called) == sorted(ORDERS.values())


async def test_an_order_that_fails_is_in_the_log_and_nowhere_else(bare: Online) -> None:
    bare.device.standins.put("systemctl", status=5, says="Unit reagent.service not found.")

    answer = await bare.call("system_restart_agent", "501")

    entry = await bare.device.logged("an order failed")
    assert result_of(answer) == []
    assert "Unit reagent.service not found." in str(entry)
    assert bare.device.running


# --- the system's release


async def test_a_system_that_is_none_of_the_platforms_has_no_release_to_tell(bare: Online) -> None:
    if Path("/etc/os-release-latest.json").exists():
        pytest.skip("this machine runs a system of the platform")

    assert result_of(await bare.call("get_os_release", "501")) == []


# --- room


async def test_pruning_needs_an_object_and_a_boolean_in_it(bare: Online) -> None:
    wrong: list[tuple[object, ...]] = [
        (),
        (None,),
        ("not-a-dict",),
        ([],),
        ({"all": "yes"},),
        ({"all": 1},),
    ]
    for args in wrong:
        text = error_of(await bare.call("prune_images", "501", *args))

        assert "failed to parse" in text, args
    for argument in ({}, {"all": True}):
        assert "engine" in error_of(await bare.call("prune_images", "501", argument)), argument


@pytest.fixture
def spare(engine: OwnEngine | GivenEngine) -> Iterator[OwnEngine]:
    """An engine for this test alone: what the others' holds, build images too, is to stay there."""
    if not engine.is_ours:
        pytest.skip("the engine was given, and another one takes root")
    with own_engine(print, kept=False) as own:
        yield own


async def test_pruning_all_reports_what_went_and_leaves_what_runs(
    cloud: Cloud, program: Program, spare: OwnEngine, system: Caller
) -> None:
    device = cloud.new_device(program, engine=spare.address)
    app = AppOf(cloud, device, 961, "kept")
    app.push()
    await online(cloud, device)
    app.want("RUNNING")
    await app.bring(system, "RUNNING")
    with spare.client() as client:
        network = client.networks.create("left-behind")

        quiet = await system.ask(device.identity, "prune_images", {"all": False})
        told = await system.ask(device.identity, "prune_images", {"all": True})

        left = [each.name for each in client.networks.list()]
        status = client.containers.get(app.container).status
        images = [tag for image in client.images.list() for tag in image.tags]
    await device.stop()
    text = str(told.value)
    assert not quiet.args
    assert f"Deleted Networks:\n{network.name}\n\n" in text
    assert re.search(r"^Total reclaimed space: [\d.]+(|k|M|G)B\n\Z", text, re.MULTILINE)
    assert network.name not in left
    assert status == "running"
    assert any("961" in tag for tag in images)


# --- commands

UNREADABLE: list[tuple[object, ...]] = [
    (),
    (None,),
    ("not-a-dict",),
    ({"blocking": True},),
    ({"cmd": 123, "blocking": True},),
    ({"cmd": "touch"},),
    ({"cmd": "touch", "blocking": "yes"},),
    ({"cmd": "touch", "blocking": True, "args": "not-an-array"},),
    ({"cmd": "touch", "blocking": True, "args": ["started"], "timeout": "soon"},),
    ({"cmd": "touch", "blocking": False, "args": ["started", None]},),
]


def published(online: Online, pid: int) -> list[Any]:
    """The lines of a command so far; each event has one argument and no options."""
    topic = uri(online.device.identity, f"cmd_output_{pid}")
    events = [m for m in online.router.of(PUBLISH) if m[3] == topic]
    assert all(event[2] == {} and len(event) == 5 for event in events)
    return [line for event in events for line in event[4]]


async def beside(online: Online, *command: object, pause_ms: int = 0) -> int:
    """Start a command that is not waited for; returns its process id."""
    cmd, *args = command
    request = {"cmd": cmd, "args": args, "blocking": False, "timeout": pause_ms}
    ((answer),) = result_of(await online.call("execute_cmd", "501", request))
    assert set(answer) == {"pid"}
    return int(answer["pid"])


def runs(pid: int) -> bool:
    """Whether there is a process of this id, zombies included."""
    return Path(f"/proc/{pid}").exists()


async def test_a_command_that_cannot_be_read_is_an_error_and_starts_nothing(bare: Online) -> None:
    for args in UNREADABLE:
        text = error_of(await bare.call("execute_cmd", "501", *args))

        assert "failed to parse" in text, args
    assert not (bare.device.folder / "started").exists()


async def test_a_command_that_is_waited_for_answers_its_output_as_text(bare: Online) -> None:
    script = 'echo "$1|$2|$3|$4|$5"; echo complaint >&2; printf "a\\377b"'
    args = ["-c", script, "sh", "a b", 2, True, 1.5, "$HOME"]

    (text,) = result_of(
        await bare.call("execute_cmd", "501", {"cmd": "sh", "args": args, "blocking": True})
    )

    assert text == "a b|2|true|1.5|$HOME\na\ufffdb"


async def test_a_command_that_fails_or_is_not_there_is_an_error(bare: Online) -> None:
    script = "echo half; echo why >&2; exit 7"
    for blocking in (True, False):
        missing = {"cmd": "no-such-program", "blocking": blocking}
        assert "no-such-program" in error_of(await bare.call("execute_cmd", "501", missing))

    failing = {"cmd": "sh", "args": ["-c", script], "blocking": True}
    text = error_of(await bare.call("execute_cmd", "501", failing))

    assert "7" in text
    assert "why" in text


async def test_the_output_of_a_command_beside_comes_line_by_line_after_the_pause(
    bare: Online,
) -> None:
    script = "echo one; echo; echo two; sleep 0.3; printf three"
    began = time.monotonic()
    pid = await beside(bare, "sh", "-c", script, pause_ms=2000)
    answered = time.monotonic() - began

    await bare.router.until(lambda: published(bare, pid) != [], 5.0)
    first = time.monotonic() - began
    await bare.router.until(lambda: len(published(bare, pid)) == 4, 5.0)
    await until(lambda: not runs(pid), 5.0, "a zombie stays")

    assert answered < 2.0 <= first + 0.05
    assert published(bare, pid) == ["one", "", "two", "three"]


async def test_a_long_line_ends_no_stream(bare: Online) -> None:
    script = "head -c 200000 /dev/zero | tr '\\0' x; echo; echo after"
    pid = await beside(bare, "sh", "-c", script)

    await bare.router.until(lambda: published(bare, pid)[-1:] == ["after"], 10.0)

    assert "".join(published(bare, pid)[:-1]) == "x" * 200_000


async def test_a_command_that_says_much_keeps_no_other_caller_waiting(bare: Online) -> None:
    pid = await beside(bare, "seq", 1, 30_000)

    began = time.monotonic()
    answer = await bare.call("device_handshake")
    took = time.monotonic() - began
    await bare.router.until(lambda: len(published(bare, pid)) == 30_000, 30.0)

    assert answer[0] == YIELD
    assert took < patient(10.0)
    assert published(bare, pid) == [str(number) for number in range(1, 30_001)]


async def test_commands_are_sessions_of_their_own_and_end_with_the_agent(bare: Online) -> None:
    pid = await beside(bare, "sh", "-c", "sleep 600 & echo $!; wait")
    await bare.router.until(lambda: published(bare, pid) != [], 5.0)
    child = int(published(bare, pid)[0])
    waiting = asyncio.create_task(
        bare.call("execute_cmd", "501", {"cmd": "sleep", "args": [601], "blocking": True})
    )
    session = os.getsid(pid)

    status = await bare.device.stop()

    waiting.cancel()
    await until(lambda: not runs(pid) and not runs(child), 5.0, "a command outlives the agent")
    assert session == pid
    assert status == 0


async def test_a_command_goes_on_when_the_session_ends(bare: Online) -> None:
    done = bare.device.folder / "done"
    script = f"sleep 1; echo x > {done}"
    waiting = asyncio.create_task(
        bare.call("execute_cmd", "501", {"cmd": "sh", "args": ["-c", script], "blocking": True})
    )
    await bare.device.logged("program started")

    bare.router.hang_up()

    await until(done.exists, 10.0, "the command was ended with the session")
    waiting.cancel()
