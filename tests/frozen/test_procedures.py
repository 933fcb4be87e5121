"""What the served procedures answer, message by message (docs/contract/wamp.md 4, 9)."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox import images
from sandbox.cloud import Cloud
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.program import Program
from tests.frozen import platform
from tests.frozen.platform import connected, scripted
from tests.frozen.scripted_router import CALL, ERROR, INTERRUPT, INVOCATION, YIELD, Message
from tests.frozen.steps import uri
from tests.frozen.test_on_connect import STATS
from tests.frozen.test_privileges import CANCELED, Online, error_of

pytestmark = pytest.mark.timeout(60)

NAMED = {"app_key": 42, "app_name": "my-app", "stage": "PROD", "target_state": "RUNNING"}
WHOLE = {**NAMED, "current_state": "REMOVED"}
UNREADABLE: list[tuple[dict[str, object], str]] = [
    ({"app_key": "not-a-number"}, "app_key"),
    ({"app_key": 0}, "app_key"),
    ({"app_key": -1}, "app_key"),
    ({"app_key": 5.0}, "app_key"),
    ({"app_key": True}, "app_key"),
    ({"app_name": 123}, "appName"),
    ({"app_name": ""}, "appName"),
    ({"stage": 123}, "stage"),
    ({"stage": ""}, "stage"),
    ({"target_state": 123}, "requestedState"),
    ({"target_state": "", "manually_requested_state": 1}, "manuallyRequestedState"),
    ({"current_state": 5}, "currentState"),
    ({"current_state": "", "state": 5}, "currentState2"),
    ({"request_update": "yes"}, "requestUpdate"),
    ({"cancel_transition": 1}, "cancelTransition"),
    ({"environment": "x"}, "environment"),
    ({"environment_template": []}, "environment template"),
    ({"ports": "x"}, "ports"),
    ({"docker_compose": "x"}, "docker compose"),
    ({"new_docker_compose": 1}, "new docker compose"),
    ({"docker_credentials": {"r": "x"}}, "docker credentials"),
    ({"docker_credentials": {"r": {"password": "p"}}}, "docker credentials"),
    ({"requestor_account_key": "not-a-number"}, ""),
    ({"requestor_account_key": [1]}, "requestorAccountKey"),
    ({"requestor_account_key": 0, "account_id": "x"}, ""),
    ({"device_owner_account_key": {}}, "deviceOwnerAccountKey"),
    ({"release_key": 1.5}, "releaseKeyString"),
    ({"new_release_key": "901"}, "newReleaseKey"),
    ({"version": 1}, "version"),
    ({"present_version": 1}, "presentVersion"),
    ({"newest_version": 1}, "newestVersion"),
]
UNSTORABLE: list[dict[str, object]] = [
    {"current_state": None},
    {"current_state": ""},
    {"target_state": None},
    {"target_state": "STOPPED"},
    {"current_state": "STOPPED"},
    {"target_state": "NONSENSE"},
    {"stage": "TEST"},
    {"app_name": "../etc"},
    {"app_key": None},
]
QUERIES: list[dict[str, object]] = [
    {"tail": -5},
    {"tail": 1.5},
    {"tail": "many"},
    {"tail": True},
    {"tail": [1]},
    {"offset": -1},
    {"since": "yesterday"},
    {"since": "2026-08-04"},
    {"since": 5},
    {"until": 5},
    {"until": "soon"},
    {"timestamps": "yes"},
    {"containerName": " "},
]


@pytest.fixture
async def online(
    cloud: Cloud, program: Program, engine: OwnEngine | GivenEngine
) -> AsyncIterator[Online]:
    async with scripted(cloud, program) as (router, device):
        await device.start()
        await connected(router)
        yield Online(router, device)


def result_of(answer: Message) -> list[Any]:
    """The positional results; an answer has no options, and nothing empty at its end."""
    assert answer[0] == YIELD, answer
    assert answer[2] == {}
    assert answer[-1] not in ([], {}) or len(answer) == 3
    return list(answer[3]) if len(answer) > 3 else []


# --- answers


async def test_a_handshake_answers_clock_and_serial_as_keywords(online: Online) -> None:
    answer = await online.call("device_handshake", "999", "ignored", kwargs={"x": 1})

    kind, _, options, args, kwargs = answer
    assert (kind, options, args) == (YIELD, {}, [])
    assert isinstance(kwargs, dict)
    assert set(kwargs) == {"utp", "id"}
    assert kwargs["id"] == online.device.identity.serial_number
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", kwargs["utp"])


async def test_the_established_procedure_says_hello(online: Online) -> None:
    answer = await online.call("wamp_connection_established", None)

    assert result_of(answer) == ["Hello :-)"]


async def test_a_device_without_tunnels_has_an_empty_list_of_them(online: Online) -> None:
    answer = await online.call("get_tunnel_state", "501", "ignored")

    assert result_of(answer) == [[]]


async def test_the_figures_are_those_of_the_status(online: Online) -> None:
    (figures,) = result_of(await online.call("get_storage_data"))

    assert {name: type(value) for name, value in figures.items()} == STATS


async def test_the_metadata_name_machine_and_agent(online: Online) -> None:
    (metadata,) = result_of(await online.call("get_agent_metadata"))

    base = {"os", "OSVersion", "arch", "variant", "version", "serialNumber", "canUpdate"}
    looked_up = {"latestVersion", "latestAgentVersion", "latestTunnelVersion", "hasLatest"}
    assert base <= set(metadata) <= base | looked_up | {"tunnelCapable", "signedUpdates"}
    assert metadata["os"] == metadata["OSVersion"]
    assert metadata["arch"] + metadata["variant"] == images.architecture()
    assert metadata["version"] == online.device.program.version
    assert metadata["serialNumber"] == online.device.identity.serial_number
    assert metadata["canUpdate"] is True
    assert isinstance(metadata["tunnelCapable"], bool)


async def test_addresses_are_spread_with_their_masks(online: Online) -> None:
    addresses = result_of(await online.call("get_network_metadata"))

    assert "127.0.0.1" in [each["IP"] for each in addresses]
    for each in addresses:
        assert set(each) == {"IP", "Mask"}
        version = ipaddress.ip_address(each["IP"]).version
        assert len(base64.b64decode(each["Mask"])) == (4 if version == 4 else 16)


async def test_ipv4_addresses_are_one_list_without_loopback(online: Online) -> None:
    (addresses,) = result_of(await online.call("get_ipv4_addresses"))

    for each in addresses:
        assert set(each) == {"interfaceName", "ip"}
        assert ipaddress.ip_address(each["ip"]).version == 4
        assert not ipaddress.ip_address(each["ip"]).is_loopback
        assert "docker" not in each["interfaceName"]


async def test_no_images_are_an_empty_success_and_images_are_spread(
    online: Online, cloud: Cloud, engine: OwnEngine | GivenEngine
) -> None:
    with engine.client() as client:
        before = [image.id for image in client.images.list()]
    empty = result_of(await online.call("get_images"))
    name = cloud.registry.push_app(401, "shown", "1.0.0", images.app("counter"))
    with engine.client() as client:
        secret = cloud.registry._pusher[1]
        client.images.pull(name, auth_config={"username": "sandbox", "password": secret})
        expected = client.api.images()

    found = result_of(await online.call("get_images"))

    assert [image.get("id") for image in empty] == before
    assert [image["id"] for image in found] == [image["Id"] for image in expected]
    (ours,) = [image for image in found if name in image.get("repoTags", [])]
    allowed = {"created", "containers", "sharedSize", "virtualSize", "id", "labels", "size"}
    assert set(ours) <= allowed | {"repoTags"}
    assert isinstance(ours["size"], int)
    assert ours["containers"] == -1


async def test_containers_are_one_list_as_the_engine_gives_them(
    online: Online, engine: OwnEngine | GivenEngine
) -> None:
    with engine.client() as client:
        expected = client.api.containers(all=True)

    (found,) = result_of(await online.call("list_containers"))

    assert [each["Id"] for each in found] == [each["Id"] for each in expected]


# --- errors


@pytest.fixture
async def bare(cloud: Cloud, program: Program) -> AsyncIterator[Online]:
    """Without an engine: nothing that is asked for gets any further than the store."""
    async with scripted(cloud, program, engine="unix:///nowhere/docker.sock") as (router, device):
        await device.start()
        await router.until(lambda: len(router.registrations) == 35, 15.0)
        yield Online(router, device)


async def test_a_request_that_cannot_be_read_names_the_field(bare: Online) -> None:
    for changes, token in UNREADABLE:
        answer = await bare.call("request_app_state", "501", kwargs={**WHOLE, **changes})

        text = error_of(answer)
        assert token in text, changes
        assert text.startswith(("failed to parse", "missing from payload")), changes


async def test_a_request_that_cannot_be_stored_is_an_error(bare: Online) -> None:
    for changes in UNSTORABLE:
        answer = await bare.call("request_app_state", "501", kwargs={**WHOLE, **changes})

        assert error_of(answer), changes


@pytest.mark.parametrize("name", ["get_app_log_history", "query_app_logs"])
async def test_log_queries_need_an_object_with_a_container_name(bare: Online, name: str) -> None:
    wrong: list[tuple[object, ...]] = [
        (),
        (None,),
        ("nope",),
        ({},),
        ({"containerName": 123},),
    ]
    for args in wrong:
        assert error_of(await bare.call(name, "501", *args)), args


async def test_a_log_query_that_cannot_be_read_is_an_error(bare: Online) -> None:
    for changes in QUERIES:
        query = {"containerName": "prod_1_a", **changes}
        text = error_of(await bare.call("query_app_logs", "501", query))

        assert "since" not in changes or "since" in text


async def test_the_agents_own_log_is_read_back(bare: Online) -> None:
    found: dict[str, Any] = {}
    nothing: list[tuple[object, ...]] = [(), (None,), ({},)]
    for args in nothing:
        (found,) = result_of(await bare.call("query_device_logs", "501", *args))
        assert {"lines", "returned", "truncated", "files_scanned", "device_time"} <= set(found)
        assert found["returned"] == len(found["lines"]) > 0
        assert found["files_scanned"] == 1
    (debug,) = result_of(await bare.call("query_device_logs", "501", {"level": "DEBUG"}))
    (error,) = result_of(await bare.call("query_device_logs", "501", {"level": "error", "tail": 1}))

    assert debug["returned"] > found["returned"]
    assert error["returned"] <= 1
    for wrong in ("nope", {"level": 3}, {"tail": -1}, {"since": "yesterday"}):
        assert error_of(await bare.call("query_device_logs", "501", wrong)), wrong


@pytest.mark.parametrize("blank", ["", "  "])
async def test_an_agent_that_has_no_log_file_has_no_lines_to_answer(
    cloud: Cloud, program: Program, blank: str
) -> None:
    async with scripted(cloud, program, engine="unix:///nowhere/docker.sock") as (router, device):
        await device.start(f"-logFile={blank}")
        await router.called(platform.ARCHITECTURE)

        answer = await Online(router, device).call("query_device_logs", "501")

    assert "no log file" in error_of(answer)


async def test_without_an_engine_engine_calls_are_errors_at_once(bare: Online) -> None:
    for name in ("get_images", "list_containers"):
        assert "engine" in error_of(await bare.call(name, "501"))


# --- the wire itself


async def test_an_unknown_registration_is_an_invalid_argument(online: Online) -> None:
    router = online.router

    router.send([INVOCATION, 9001, 424242, {"caller_authid": "system"}])
    await router.until(lambda: any(m[:3] == [ERROR, INVOCATION, 9001] for m in router.messages))

    (answer,) = [m for m in router.messages if m[:3] == [ERROR, INVOCATION, 9001]]
    assert answer[4] == "wamp.error.invalid_argument"
    assert len(answer) == 6
    assert isinstance(answer[5], list)
    assert isinstance(answer[5][0], str)


async def test_an_interrupted_call_is_canceled_without_words(online: Online) -> None:
    router = online.router
    router.replies[CALL] = lambda _: None  # the look-up never comes back
    waiting = asyncio.create_task(online.call("get_storage_data"))
    await router.called(platform.PRIVILEGE)

    router.send([INTERRUPT, router._invocations, {}])

    answer = await waiting
    assert answer[:2] + answer[3:] == [ERROR, INVOCATION, {}, CANCELED]


async def test_a_call_with_a_timeout_is_canceled_when_it_is_over(online: Online) -> None:
    router = online.router
    router.replies[CALL] = lambda _: None

    answer = await router.invoke(
        uri(online.device.identity, "get_storage_data"),
        details={"caller_authid": "999", "timeout": 300},
        within=5.0,
    )

    assert answer[:2] + answer[3:] == [ERROR, INVOCATION, {}, CANCELED]


async def test_one_call_that_waits_keeps_no_other_waiting(online: Online) -> None:
    router = online.router
    router.replies[CALL] = lambda _: None
    stuck = [asyncio.create_task(online.call("get_storage_data")) for _ in range(40)]
    await router.called(platform.PRIVILEGE, times=40)

    answers = await asyncio.gather(*(online.call("device_handshake") for _ in range(200)))

    assert {answer[0] for answer in answers} == {YIELD}
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


@pytest.mark.parametrize(
    "text", [b"this is not JSON", b"{}", b"[]", b"[1000]", b'["a"]', b"[36, 1]"]
)
async def test_what_is_no_wamp_is_passed_over(online: Online, text: bytes) -> None:
    online.router.send_frame(1, text)

    answer = await online.call("device_handshake")

    assert answer[0] == YIELD
    assert len(online.router.sessions) == 1
