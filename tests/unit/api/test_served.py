from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from reagent.api.apps import AppStates, privilege_for
from reagent.api.device import Device, is_ipv4, split_arch
from reagent.api.handshake import Handshake
from reagent.api.images import Images, image_dict
from reagent.contracts.host import Address, Host
from reagent.errors import BadRequest, DownloadFailed, EngineUnavailable
from reagent.model.app import WantedApp
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity, Stats
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

IDENTITY = Identity(serial_number="SN-1")


class StillHost:
    """A host whose figures do not move."""

    def __init__(self, addresses: Sequence[Address] = ()) -> None:
        self._addresses = addresses

    async def stats(self) -> Stats:
        return Stats(cpu_count=4)

    def addresses(self) -> Sequence[Address]:
        return self._addresses

    def description(self) -> str:
        return "linux debian 12.5 6.1.0"


async def nobody_knows() -> str:
    raise DownloadFailed("the bucket is gone")


async def nobody_thought_of_it() -> str:
    raise ValueError("something else")


def device(*addresses: Address, latest: Callable[[], Awaitable[str]] = nobody_knows) -> Device:
    host = cast(Host, StillHost(addresses))
    return Device(host, lambda: IDENTITY, latest, dict, version="1.0.0", arch="armv7", signed=True)


async def test_the_handshake_answers_keywords_only() -> None:
    clock = FakeClock()

    answer = await Handshake(clock, lambda: IDENTITY).device_handshake(Call())

    assert answer == Answer(kwargs={"utp": clock.rfc3339(), "id": "SN-1"})


@pytest.mark.parametrize("latest", [nobody_knows, nobody_thought_of_it])
async def test_metadata_without_a_look_up_has_the_base_keys_and_no_latest_ones(
    latest: Callable[[], Awaitable[str]],
) -> None:
    answer = await device(latest=latest).get_agent_metadata(Call())

    assert answer.args == (
        {
            "os": "linux debian 12.5 6.1.0",
            "OSVersion": "linux debian 12.5 6.1.0",
            "arch": "arm",
            "variant": "v7",
            "version": "1.0.0",
            "serialNumber": "SN-1",
            "canUpdate": True,
            "signedUpdates": True,
            "tunnelCapable": False,
        },
    )


@pytest.mark.parametrize(
    ("latest", "has_latest"), [("1.0.0", True), ("1.0.1", False), ("0.9", False)]
)
async def test_metadata_tells_the_newest_version_where_it_is_known(
    latest: str,
    has_latest: bool,  # noqa: FBT001 - a table
) -> None:
    async def known() -> str:
        return latest

    host = cast(Host, StillHost())
    metadata = await Device(
        host, lambda: IDENTITY, known, dict, version="1.0.0", arch="amd64", signed=False
    ).get_agent_metadata(Call())

    told = cast(dict[str, object], metadata.args[0])
    assert told["version"] == "1.0.0"
    assert told["latestVersion"] == told["latestAgentVersion"] == latest
    assert told["latestTunnelVersion"] == "0.70.0"
    assert told["hasLatest"] is has_latest


async def test_metadata_tells_how_the_last_update_ended() -> None:
    ended = {"version": "1.1.0", "outcome": "blocked", "reason": "failed 3 times: deadline"}
    host = cast(Host, StillHost())

    metadata = await Device(
        host,
        lambda: IDENTITY,
        nobody_knows,
        lambda: ended,
        version="1.0.0",
        arch="amd64",
        signed=False,
    ).get_agent_metadata(Call())

    assert cast(dict[str, object], metadata.args[0])["lastUpdate"] == ended


@pytest.mark.parametrize(
    ("arch", "parts"),
    [("amd64", ("amd64", "")), ("armv5", ("arm", "v5")), ("arm64", ("arm64", ""))],
)
def test_an_arm_name_is_split(arch: str, parts: tuple[str, str]) -> None:
    assert split_arch(arch) == parts


async def test_addresses_go_out_one_by_one_with_their_masks_as_base64() -> None:
    addresses = (
        Address("lo", "127.0.0.1", bytes([255, 0, 0, 0])),
        Address("eth0", "fe80::1", bytes([255] * 8 + [0] * 8)),
    )

    answer = await device(*addresses).get_network_metadata(Call())

    assert answer.args == (
        {"IP": "127.0.0.1", "Mask": "/wAAAA=="},
        {"IP": "fe80::1", "Mask": base64.b64encode(addresses[1].mask).decode()},
    )


async def test_ipv4_addresses_leave_out_loopback_and_the_engine() -> None:
    mask = bytes([255, 255, 255, 0])
    names = {
        "lo": "127.0.0.1",
        "eth0": "192.168.7.20",
        "docker0": "172.17.0.1",
        "wlan0": "fe80::1",
        "tun0": "0.0.0.0",
    }

    answer = await device(
        *(Address(name, ip, mask) for name, ip in names.items())
    ).get_ipv4_addresses(Call())

    assert answer.args == ([{"interfaceName": "eth0", "ip": "192.168.7.20"}],)


async def test_no_addresses_is_an_empty_list() -> None:
    answer = await device().get_ipv4_addresses(Call())

    assert answer.args == ([],)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "127.0.0.1",
        "192.168.1.1",
        "255.255.255.255",
        "10.0.0.1",
        "8.8.8.8",
        "249.249.249.249",
        "1.2.3.04",
    ],
)
def test_dotted_ipv4_is_recognised(text: str) -> None:
    assert is_ipv4(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "256.0.0.1",
        "1.2.3",
        "1.2.3.4.5",
        "text",
        "::1",
        "1.2.3.4.",
        ".1.2.3.4",
        "1.2.3.4 ",
        "999.1.1.1",
    ],
)
def test_what_is_no_dotted_ipv4_is_not(text: str) -> None:
    assert not is_ipv4(text)


async def test_storage_data_has_all_twelve_keys() -> None:
    answer = await device().get_storage_data(Call())

    assert len(answer.args) == 1
    assert set(cast(dict[str, object], answer.args[0])) == {
        "cpu_count", "cpu_usage", "memory_total", "memory_used", "memory_available",
        "storage_total", "storage_used", "storage_free",
        "docker_apps_total", "docker_apps_used", "docker_apps_free", "docker_apps_mounted",
    }  # fmt: skip


def test_an_image_loses_what_is_zero_or_empty() -> None:
    seen = {
        "Created": 1930000000, "Containers": -1, "SharedSize": -1, "VirtualSize": 0, "Id": "sha256:ab12",
        "Labels": None, "Size": 52428800, "RepoTags": ["r/a:1"], "ParentId": "", "RepoDigests": [],
    }  # fmt: skip

    assert image_dict(seen) == {
        "created": 1930000000, "containers": -1, "sharedSize": -1, "id": "sha256:ab12",
        "size": 52428800, "repoTags": ["r/a:1"],
    }  # fmt: skip


async def test_images_are_one_argument_each_and_none_is_no_argument() -> None:
    engine = FakeEngine()

    nothing = await Images(engine).get_images(Call())
    engine.has_image("r/a:1")
    engine.has_image("r/b:1")
    two = await Images(engine).get_images(Call())

    assert nothing.args == ()
    assert [cast(dict[str, object], each)["repoTags"] for each in two.args] == [
        ["r/a:1"],
        ["r/b:1"],
    ]


async def test_an_engine_that_is_down_is_an_error() -> None:
    engine = FakeEngine()
    engine.go_down()

    with pytest.raises(EngineUnavailable):
        await Images(engine).get_images(Call())


@pytest.mark.parametrize(
    ("kwargs", "privilege"),
    [
        ({"target_state": "RUNNING"}, Privilege.OPERATE),
        ({"target_state": "STARTING"}, Privilege.OPERATE),
        ({"target_state": "", "manually_requested_state": "RUNNING"}, Privilege.OPERATE),
        ({"target_state": "PRESENT"}, Privilege.INSTALL),
        ({"target_state": "UNINSTALLED"}, Privilege.INSTALL),
        ({"target_state": ["RUNNING"]}, Privilege.INSTALL),
        ({}, Privilege.INSTALL),
    ],
)
def test_running_needs_operate_and_all_else_install(
    kwargs: dict[str, object], privilege: Privilege
) -> None:
    assert privilege_for(Call(kwargs=kwargs)) is privilege


class Recorded:
    """Takes requests and keeps them."""

    def __init__(self) -> None:
        self.wanted: list[WantedApp] = []

    async def request(self, wanted: WantedApp) -> None:
        self.wanted.append(wanted)


async def test_a_request_is_parsed_stored_and_answered_with_nothing() -> None:
    apps = Recorded()
    kwargs = {"app_key": 7, "app_name": "a", "stage": "PROD", "target_state": "RUNNING"}

    answer = await AppStates(apps).request_app_state(Call(kwargs=kwargs))

    assert answer == Answer()
    assert [each.app_key for each in apps.wanted] == [7]


async def test_a_bad_request_reaches_no_app() -> None:
    apps = Recorded()

    with pytest.raises(BadRequest):
        await AppStates(apps).request_app_state(Call(kwargs={"app_key": "x"}))

    assert apps.wanted == []
