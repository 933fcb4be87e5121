"""What is said after WELCOME, in which order, word for word (docs/contract/wamp.md 1.7-1.11, 3, 6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from tests.frozen import platform
from tests.frozen.platform import connected, metadata_of, scripted, statuses
from tests.frozen.scripted_router import (
    CALL,
    ERROR,
    EVENT,
    GOODBYE,
    REGISTER,
    SESSION,
    SUBSCRIBE,
    Message,
    ScriptedRouter,
)
from tests.frozen.steps import PROCEDURES, run_to_end, uri

pytestmark = pytest.mark.timeout(60)

STATS = {
    "cpu_count": int,
    "cpu_usage": float,
    "memory_total": int,
    "memory_used": int,
    "memory_available": int,
    "storage_total": int,
    "storage_used": int,
    "storage_free": int,
    "docker_apps_total": int,
    "docker_apps_used": int,
    "docker_apps_free": int,
    "docker_apps_mounted": bool,
}
DESTROY = "reswarm.device.%d.list/ondestroy"
UNREGISTERED = "wamp.registration.on_unregister"

Scripted = tuple[ScriptedRouter, Device]


@pytest.fixture
async def both(cloud: Cloud, program: Program) -> AsyncIterator[Scripted]:
    async with scripted(cloud, program) as pair:
        yield pair


def told(router: ScriptedRouter) -> list[str]:
    """What was called, registered and subscribed, in order; the 34 registrations as one word."""
    said = []
    for message in router.messages:
        if message[0] in (CALL, REGISTER, SUBSCRIBE):
            name = str(message[3])
            forced = message[0] == REGISTER and message[2] != {}
            said.append("procedures" if forced else name)
    return [word for at, word in enumerate(said) if word != "procedures" or said[at - 1] != word]


def first_of(message: Message) -> Any:
    """The only positional argument of a call."""
    assert len(message) == 5, message
    (payload,) = message[4]
    return payload


async def test_the_sequence_after_welcome(both: Scripted) -> None:
    router, device = both

    await device.start()
    await connected(router)

    said = told(router)
    logs = ["wamp.subscription.on_create", "wamp.subscription.on_delete"]
    assert [word for word in said if word not in logs] == [
        uri(device.identity, "wamp_connection_established"),
        DESTROY,
        platform.TESTAMENT,
        UNREGISTERED,
        platform.METADATA,
        platform.CRED_KEY,
        platform.STATUS,
        "procedures",
        platform.ARCHITECTURE,
        platform.WANTED_APPS,
        platform.STATUS,
    ]
    assert [word for word in said if word in logs] == logs
    assert said.index(platform.ARCHITECTURE) < said.index(logs[0])
    assert said[-1] == platform.STATUS
    assert statuses(router) == ["CONFIGURING", "CONNECTED"]
    numbers = [
        message[1] for message in router.messages if message[0] in (CALL, REGISTER, SUBSCRIBE)
    ]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_it_claims_its_serial_number_without_force_and_everything_else_with_it(
    both: Scripted,
) -> None:
    router, device = both

    await device.start()
    await connected(router)

    registered = [(m[3], m[2]) for m in router.of(REGISTER)]
    assert registered[0] == (uri(device.identity, "wamp_connection_established"), {})
    assert sorted(registered[1:], key=str) == sorted(
        ((uri(device.identity, name), {"force_reregister": True}) for name in PROCEDURES), key=str
    )


async def test_it_subscribes_exactly_and_without_options(both: Scripted) -> None:
    router, device = both

    await device.start()
    await connected(router)

    assert router.of(SUBSCRIBE)[0][2:] == [{}, DESTROY]
    assert all(message[2] == {} for message in router.of(SUBSCRIBE))


async def test_the_testament_has_three_arguments(both: Scripted) -> None:
    router, device = both

    await device.start()
    (message,) = await router.called(platform.TESTAMENT)

    assert message == [
        CALL,
        3,
        {},
        "wamp.session.add_testament",
        [
            "reswarm.api.testament_device",
            [
                {
                    "swarm_key": device.identity.swarm_key,
                    "device_key": device.identity.device_key,
                    "serial_number": device.identity.serial_number,
                    "wamp_session_id": SESSION,
                }
            ],
            {},
        ],
    ]


async def test_the_reports_carry_what_the_platform_reads(both: Scripted) -> None:
    router, device = both
    who = device.identity

    await device.start()
    await connected(router)

    (metadata,) = router.calls(platform.METADATA)
    assert metadata[2:] == [{}, platform.METADATA, [{"device_key": who.device_key}]]
    (key,) = router.calls(platform.CRED_KEY)
    assert key[2:] == [{}, platform.CRED_KEY]
    (wanted,) = router.calls(platform.WANTED_APPS)
    assert wanted[2:] == [{}, platform.WANTED_APPS, [{"device_key": who.device_key}]]

    (architecture,) = router.calls(platform.ARCHITECTURE)
    report = first_of(architecture)
    assert set(report) == {
        "swarm_key",
        "device_key",
        "architecture",
        "os",
        "arch",
        "variant",
        "agent_version",
    }
    assert (report["swarm_key"], report["device_key"]) == (who.swarm_key, who.device_key)
    assert report["architecture"] == report["arch"] + report["variant"]
    assert report["os"].startswith("linux")
    assert report["agent_version"] == device.program.version


async def test_a_status_carries_session_and_figures_of_their_types(both: Scripted) -> None:
    router, device = both

    await device.start()
    await connected(router)

    for message in router.calls(platform.STATUS):
        report = first_of(message)
        assert set(report) == {
            "swarm_key",
            "device_key",
            "status",
            "wamp_session_id",
            "stats",
            "tunnel_capable",
        }
        assert report["wamp_session_id"] == SESSION
        assert isinstance(report["tunnel_capable"], bool)
        stats = report["stats"]
        assert {name: type(value) for name, value in stats.items()} == STATS
        assert 0 <= stats["cpu_usage"] <= 100
        assert stats["memory_used"] <= stats["memory_total"]
        assert stats["storage_used"] + stats["storage_free"] <= stats["storage_total"]
        assert stats["cpu_count"] >= 1


async def test_a_router_that_takes_no_testament_ends_the_first_session_and_the_process(
    both: Scripted,
) -> None:
    router, device = both
    router.answers[platform.TESTAMENT] = [ERROR, "wamp.error.not_authorized", ["not here"]]

    ended = await run_to_end(device)

    assert ended.status == 1
    assert ended.stdout.count("\n") == 1, ended
    assert "testament" in ended.stdout
    assert len(router.of(GOODBYE)) == 1
    assert len(router.sessions) == 1


async def test_a_later_session_goes_on_without_a_testament(both: Scripted) -> None:
    router, device = both
    await device.start()
    await connected(router)
    router.answers[platform.TESTAMENT] = [ERROR, "wamp.error.not_authorized", ["not here"]]

    router.hang_up()
    await router.until(lambda: len(router.sessions) == 2)
    await connected(router)

    assert len(router.calls(platform.TESTAMENT)) == 1


async def test_the_second_session_repeats_all_of_it_under_its_own_number(both: Scripted) -> None:
    router, device = both
    await device.start()
    await connected(router)
    first = told(router)

    router.hang_up()
    await router.until(lambda: len(router.sessions) == 2)
    await connected(router)

    assert told(router) == first
    (testament,) = router.calls(platform.TESTAMENT)
    assert testament[4][1][0]["wamp_session_id"] == SESSION + 1
    assert {first_of(m)["wamp_session_id"] for m in router.calls(platform.STATUS)} == {SESSION + 1}


@pytest.mark.parametrize(
    "procedure",
    [
        platform.METADATA,
        platform.CRED_KEY,
        platform.ARCHITECTURE,
        platform.WANTED_APPS,
    ],
)
async def test_a_step_that_fails_keeps_the_others_from_nothing(
    both: Scripted, procedure: str
) -> None:
    router, device = both
    router.answers[procedure] = [ERROR, "wamp.error.runtime_error", ["out of order"]]

    await device.start()
    await connected(router)

    assert statuses(router) == ["CONFIGURING", "CONNECTED"]
    assert len(router.of(REGISTER)) == len(PROCEDURES) + 1


async def test_a_platform_that_does_not_take_the_last_report_is_told_again(both: Scripted) -> None:
    router, device = both
    router.answers[platform.STATUS] = [ERROR, "wamp.error.runtime_error", ["out of order"]]

    await device.start()
    await router.until(lambda: statuses(router).count("CONNECTED") >= 2, within=20.0)
    router.answers[platform.STATUS] = [[{}]]

    assert device.running
    assert len(router.sessions) == 1


@pytest.mark.parametrize("answer", [[], [[]], [[None]], [[7]], [[{}]], [[{"reswarmBaseURL": 5}]]])
async def test_whatever_the_status_is_answered_it_goes_on(both: Scripted, answer: Message) -> None:
    router, device = both
    router.answers[platform.STATUS] = answer

    await device.start()

    await connected(router)
    assert device.exits == []


async def test_a_refused_procedure_keeps_none_of_the_others_back(both: Scripted) -> None:
    router, device = both
    refused = uri(device.identity, "get_images")

    def register(message: Message) -> Message | None:
        if message[3] == refused:
            return [ERROR, REGISTER, message[1], {}, "wamp.error.not_authorized"]
        return router.well(message)

    router.replies[REGISTER] = register
    await device.start()
    await connected(router)

    assert set(router.registrations.values()) == {
        uri(device.identity, name)
        for name in {*PROCEDURES, "wamp_connection_established"} - {"get_images"}
    }


async def test_any_error_but_already_exists_leaves_the_claim_and_keeps_the_session(
    both: Scripted,
) -> None:
    router, device = both
    claim = uri(device.identity, "wamp_connection_established")

    def register(message: Message) -> Message | None:
        if message[3] == claim:
            return [ERROR, REGISTER, message[1], {}, "wamp.error.not_authorized"]
        return router.well(message)

    router.replies[REGISTER] = register
    await device.start()

    await connected(router)
    assert len(router.sessions) == 1


async def test_a_refused_subscription_is_harmless(both: Scripted) -> None:
    router, device = both
    router.replies[SUBSCRIBE] = lambda m: [ERROR, SUBSCRIBE, m[1], {}, "wamp.error.invalid_uri"]

    await device.start()

    await connected(router)
    assert len(router.sessions) == 1


async def test_the_end_of_a_device_list_is_heard_and_nothing_happens(both: Scripted) -> None:
    router, device = both
    await device.start()
    await connected(router)
    number = next(n for n, topic in router.subscriptions.items() if topic == DESTROY)

    router.send([EVENT, number, 1, {}, []])
    answer = await router.invoke(uri(device.identity, "device_handshake"))

    assert answer[4]["id"] == device.identity.serial_number
    assert device.running


async def test_a_new_project_is_joined_at_once_under_its_name(both: Scripted) -> None:
    router, device = both
    who = device.identity
    router.answers[platform.METADATA] = [[metadata_of(who, swarm_key=99, swarm_name="hall-c")]]

    await device.start()
    await router.until(lambda: len(router.sessions) == 2)
    await connected(router)

    old, new = router.sessions
    assert old[0][2]["authid"] == f"{who.swarm_key}-{who.device_key}"
    assert new[0][2]["authid"] == f"99-{who.device_key}"
    # Nothing is said on the session of the wrong name but what it takes to find out.
    assert [m[3] for m in old if m[0] == CALL] == [platform.TESTAMENT, platform.METADATA]
    assert old[-1] == [GOODBYE, {}, "wamp.close.close_realm"]
    assert {first_of(m)["swarm_key"] for m in router.calls(platform.STATUS)} == {99}
    assert device.document["swarm_key"] == 99
    assert device.document["swarm_name"] == "hall-c"
