"""What an app prints, on its topic and when asked for (docs/contract/streams.md 1)."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from sandbox import images
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from sandbox.under_test import patient
from sandbox.wamp import Events
from tests.frozen.platform import connected as told
from tests.frozen.platform import scripted
from tests.frozen.scripted_router import EVENT, PUBLISH, ScriptedRouter
from tests.frozen.steps import AppOf, connected, online, uri

pytestmark = pytest.mark.timeout(90)

Engine = OwnEngine | GivenEngine

MATCH = "wamp.subscription.match"
# Prints what terminals and broken programs print, then numbers, twenty a second.
ODD = r"""
printf 'plain\n\n\033[1mbold\033[0m\n50%%\r100%%\nt\303\244st \360\237\246\204\nbroken \377 byte\nunfinished'
sleep 1
printf ' line\n'
n=0
while :; do n=$((n + 1)); echo "tick $n"; sleep 0.05; done
"""


def numbers(lines: list[str]) -> list[int]:
    return [int(m.group(1)) for line in lines if (m := re.fullmatch(r"line (\d+)", line))]


async def logs_on(caller: Caller, topic: str, match: str) -> Events:
    events = Events()
    await caller.session.subscribe(topic, events.add, match=match)
    return events


def published(router: ScriptedRouter, app: AppOf) -> list[Any]:
    """Arguments of what was published on an app's topic; options must be empty, no keywords."""
    topic = f"reswarm.logs.{app.device.identity.serial_number}.{app.container}"
    found = [m for m in router.of(PUBLISH) if m[3] == topic]
    assert all(m[2] == {} and len(m) == 5 and len(m[4]) == 1 for m in found)
    return [m[4][0] for m in found]


def texts(router: ScriptedRouter, app: AppOf) -> list[str]:
    return [each for each in published(router, app) if isinstance(each, str)]


async def test_who_listens_before_the_start_hears_every_line(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 901, "Talker")
    app.push()
    await online(cloud, device)
    logs = await system.logs(device.identity, "prod_901_talker")

    await app.bring(system, "RUNNING")
    lines = await logs.until_line("line 4")

    assert numbers(lines)[:4] == [1, 2, 3, 4]
    # Raw records of the engine while it pulled, notices around them.
    records = [json.loads(record) for record in logs.progress]
    assert any("Pulling" in str(record.get("status")) for record in records)
    events = [event.args for event in logs.events.heard]
    assert all(len(args) == 1 for args in events)
    assert all(not event.kwargs for event in logs.events.heard)
    notices = [args[0] for args in events if isinstance(args[0], dict)]
    assert all(set(notice) == {"type", "chunk"} for notice in notices)
    assert {notice["type"] for notice in notices} == {"build"}
    assert "LOGGER_CLEAR" in logs.messages
    assert any("Talker" in text for text in logs.messages)


async def test_who_listens_later_hears_from_then_on(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 902, "late")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    await asyncio.sleep(patient(2.2))

    async with Caller(cloud.router, "501") as listener:
        logs = await listener.logs(device.identity, app.container)
        heard = numbers(await logs.until_count(3))

    assert heard[0] > 1
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    # Away and back again: nothing of before is said twice.
    await asyncio.sleep(patient(1.0))
    async with Caller(cloud.router, "501") as listener:
        logs = await listener.logs(device.identity, app.container)
        again = numbers(await logs.until_count(2))
    assert again[0] > heard[-1]


async def test_a_bridge_that_listens_to_everything_is_found_at_the_start(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 903, "bridged")
    app.push()
    await online(cloud, device)
    serial = device.identity.serial_number
    bridges = [
        await logs_on(system, "reswarm.logs.", "prefix"),
        await logs_on(system, f"reswarm.logs.{serial}", "prefix"),
        await logs_on(system, f"reswarm.logs.{serial}.", "wildcard"),
    ]

    await app.bring(system, "RUNNING")

    for events in bridges:
        heard = await events.until(lambda all_: any("line 2" in str(e.args) for e in all_))
        lines = [
            line for e in heard if isinstance(e.args[0], str) for line in e.args[0].split("\n")
        ]
        assert numbers(lines)[:2] == [1, 2]
        assert {e.uri for e in heard} == {f"reswarm.logs.{serial}.{app.container}"}


async def test_a_hundred_thousand_lines_arrive(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 904, "burst")
    app.push("burst")
    await online(cloud, device)
    logs = await system.logs(device.identity, app.container)

    await app.bring(system, "RUNNING")
    lines = await logs.until_line("99999", within=40.0)

    dropped = [line for line in logs.raw if "dropped (rate limit)" in line]
    missing = sum(int(m.group(1)) for line in dropped if (m := re.search(r"(\d+)", line)))
    found = [line for line in lines if re.fullmatch(r"\d{5}", line)]
    assert found == sorted(found)
    assert len(found) == len(set(found))
    assert len(found) + missing == 100_000
    sizes = [len(e.args[0].encode()) for e in logs.events.heard if isinstance(e.args[0], str)]
    assert max(sizes) <= 256 * 1024 + 200
    print(f"{missing} lines dropped, {len(sizes)} events, the largest {max(sizes)} bytes")
    # They came as fast as the engine gave them; only what is above the limits may be lost.
    assert missing == 0 or max(sizes) > 200 * 1024


async def test_what_it_prints_is_passed_on_as_it_is(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 905, "odd")
    cloud.registry.push_app(
        905, "odd", "1.0.0", images.make(["/bin/sh", "/app.sh"], files={"app.sh": ODD})
    )
    await online(cloud, device)
    logs = await system.logs(device.identity, app.container)

    await app.bring(system, "RUNNING")
    await logs.until_line("tick 3")

    lines = logs.lines
    assert lines[:5] == ["plain", "", "\x1b[1mbold\x1b[0m", "50%\r100%", "täst 🦄"]
    assert re.fullmatch(r"broken .+ byte", lines[5])
    assert lines[6] == "unfinished line"
    assert lines[7:10] == ["tick 1", "tick 2", "tick 3"]


async def test_lines_go_on_in_the_next_session(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 906, "survivor")
    app.push()
    app.want("RUNNING")
    await online(cloud, device)
    await app.reached("RUNNING")
    logs = await system.logs(device.identity, app.container)
    await logs.until_count(1)
    statuses = len(cloud.backend.statuses(device.identity))

    await cloud.backend.cut(device.identity.authid)
    await connected(cloud, device, since=statuses)
    seen = len(logs.lines)
    lines = await logs.until_count(seen + 3)
    async with Caller(cloud.router, "501") as late:  # new listeners are heard of, too
        events = await late.logs(device.identity, app.container)
        await events.until_count(1)

    heard = numbers(lines)
    assert heard == sorted(set(heard))


async def test_nothing_is_published_while_nobody_listens(
    cloud: Cloud, program: Program, engine: Engine
) -> None:
    async with scripted(cloud, program) as (router, device):
        app = AppOf(cloud, device, 907, "quiet")
        image = app.push()
        await device.start()
        await told(router)
        router.answers["reswarm.containers.get_registry_token"] = [["tok"]]
        cloud.registry.admit("tok", "demo-device-secret")
        topic = f"reswarm.logs.{device.identity.serial_number}.{app.container}"

        def meta(name: str) -> int:
            full = f"wamp.subscription.{name}"
            return next(n for n, uri_ in router.subscriptions.items() if uri_ == full)

        def comes(number: int) -> None:
            details = {"id": number, "created": "2031-05-06T07:08:09.000Z", "match": "exact"}
            router.send([EVENT, meta("on_create"), 1, {}, [7, {**details, "uri": topic}]])

        def goes(number: int) -> None:
            router.send([EVENT, meta("on_delete"), 1, {}, [7, number]])

        async def spoken(seconds: float) -> list[str]:
            before = len(texts(router, app))
            await asyncio.sleep(seconds)
            return texts(router, app)[before:]

        answer = await router.invoke(
            uri(device.identity, "request_app_state"), kwargs=app.row("RUNNING")
        )
        await router.until(
            lambda: any(c[4][0].get("state") == "RUNNING" for c in states(router)), 15.0
        )
        assert answer[2:] == [{}]
        assert router.calls(MATCH)
        assert all(call[2:] == [{}, MATCH, [topic]] for call in router.calls(MATCH))
        silent = await spoken(1.2)
        comes(555)
        first = await spoken(1.2)
        goes(554)  # somebody else's
        second = await spoken(1.2)
        comes(556)  # a refresh: the new one comes before the old one goes
        goes(555)
        third = await spoken(1.2)
        goes(556)
        await asyncio.sleep(0.4)
        fourth = await spoken(1.2)
        notices = [each for each in published(router, app) if isinstance(each, dict)]

        assert silent == []
        assert first
        assert second
        assert third
        assert fourth == []
        assert notices  # those are always published
        assert image


def states(router: ScriptedRouter) -> list[Any]:
    return router.calls("reswarm.containers.update_app_on_device")


async def test_the_last_words_of_an_app_are_kept_and_can_be_asked_for(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 908, "history")
    app.push()
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    await asyncio.sleep(patient(3.3))
    named = {"containerName": app.container}

    async def ask(name: str, **more: object) -> Any:
        answer = await system.ask(device.identity, name, {**named, **more})
        assert len(answer.args) == 1
        return answer.value

    history = await ask("get_app_log_history")
    assert numbers(history)[:3] == [1, 2, 3]
    assert all(isinstance(line, str) for line in history)

    found = await ask("query_app_logs", tail=2)
    assert set(found) == {
        "lines",
        "source",
        "returned",
        "truncated",
        "device_time",
        "oldest_available",
    }
    assert found["source"] == "docker"
    assert found["returned"] == len(found["lines"]) == 2
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line \d+"
    assert all(re.fullmatch(stamp, line) for line in found["lines"]), found["lines"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["device_time"])
    bare = await ask("query_app_logs", tail="3", timestamps=False)
    assert len(numbers(bare["lines"])) == 3
    assert "oldest_available" in bare
    earlier = await ask("query_app_logs", tail=1.0, offset=2, timestamps=False)
    assert len(earlier["lines"]) == 1
    assert numbers(earlier["lines"])[0] < numbers(bare["lines"])[-1]
    nothing = await ask("query_app_logs", until="1h")
    assert nothing["lines"] == []
    assert (await ask("query_app_logs", since="1h"))["returned"] >= 3

    await app.bring(system, "PRESENT")
    gone = await ask("query_app_logs", tail=200)
    assert gone["source"] == "history"
    assert numbers(gone["lines"])[:3] == [1, 2, 3]
    assert "oldest_available" not in gone
    await device.kill()
    await online(cloud, device)


async def test_history_survives_a_restart_of_the_agent(
    cloud: Cloud, device: Device, engine: Engine, system: Caller
) -> None:
    app = AppOf(cloud, device, 909, "memory")
    app.push()
    app.want("PRESENT")
    await online(cloud, device)
    await app.bring(system, "RUNNING")
    await asyncio.sleep(patient(2.2))
    await app.bring(system, "PRESENT")
    await device.stop()
    await online(cloud, device)

    answer = await system.ask(
        device.identity, "get_app_log_history", {"containerName": app.container}
    )

    assert isinstance(answer.value, list)
    assert numbers(answer.value)[:2] == [1, 2]


async def test_an_app_that_died_at_once_has_its_last_words_said(
    cloud: Cloud, device: Device, engine: Engine
) -> None:
    app = AppOf(cloud, device, 910, "brief")
    app.push("crasher")
    app.want("RUNNING")
    events = Events()
    async with Caller(cloud.router, "501") as listener:
        topic = f"reswarm.logs.{device.identity.serial_number}.{app.container}"
        await listener.session.subscribe(topic, events.add)
        await online(cloud, device)
        await app.reached("FAILED")
        heard = await events.until(lambda all_: any("crashing" in str(e.args) for e in all_))

    assert heard
