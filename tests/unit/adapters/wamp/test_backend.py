"""docs/contract/wamp.md 3: every payload, and what is made of every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from reagent.adapters.wamp.backend import WampBackend, split
from reagent.contracts.backend import Metadata
from reagent.errors import CallFailed, DeadlineExceeded, NotConnected
from reagent.model.app import App, PortRule, Stage, State, UpdateStatus, WantedApp
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity, Stats, Status
from tests.fakes.messenger import Called, FakeMessenger

UPDATE_APP = "reswarm.containers.update_app_on_device"
UPDATE_STATUS = "reswarm.devices.update_device_status"
METADATA = "reswarm.devices.read_device_metadata"
ARCHITECTURE = "reswarm.devices.update_device_architecture"
REQUESTED = "reswarm.containers.get_requested_app_states"
TOKEN = "reswarm.containers.get_registry_token"
CRED_KEY = "reswarm.devices.get_app_cred_key"
PRIVILEGE = "reswarm.devices.check_privilege"
MATCH = "wamp.subscription.match"

ME = Identity(serial_number="SN-TEST-0001", swarm_key=17, device_key=4021)


@pytest.fixture
async def messenger() -> FakeMessenger:
    return FakeMessenger()


@pytest.fixture
async def backend(messenger: FakeMessenger) -> WampBackend:
    return WampBackend(
        messenger,
        lambda: ME,
        arch="armv7",
        version="1.0.0",
        system=lambda: "linux raspbian 12.5 6.6.31-v7",
    )


def only(messenger: FakeMessenger) -> Called:
    [called] = messenger.calls
    return called


async def no_arguments(_: Call) -> Answer:
    return Answer()


# --- 3.1


async def test_a_state_report_says_everything(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(UPDATE_APP)
    app = App(
        app_key=77,
        app_name="vision",
        stage=Stage.PROD,
        state=State.RUNNING,
        target=State.RUNNING,
        requestor_account_key=501,
        release_key=900,
        update_status=UpdateStatus.PENDING,
    )

    await backend.report_app(app)

    called = only(messenger)
    assert called.procedure == UPDATE_APP
    assert called.args == (
        {
            "app_key": 77,
            "device_key": 4021,
            "swarm_key": 17,
            "serial_number": "SN-TEST-0001",
            "stage": "PROD",
            "state": "RUNNING",
            "device_to_app_key": 0,
            "requestor_account_key": 501,
            "release_key": 900,
            "request_update": False,
            "release_build": False,
            "updateStatus": "pending_remote_confirmation",
        },
    )
    assert called.kwargs == {}
    assert called.deadline is None


async def test_ports_are_saved_with_every_key_but_the_two_that_are_zero(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(UPDATE_APP)
    wanted = WantedApp(app_key=77, app_name="vision", stage="PROD", target="RUNNING")
    rules = (
        PortRule(port=8080, name="web", main=True, active=True, host_port=40003),
        PortRule(port=1883, protocol="tcp", cloud_remote_port=30777),
    )

    await backend.save_ports(wanted, rules)

    called = only(messenger)
    assert called.deadline == 5
    assert called.args == (
        {
            "app_key": 77,
            "device_key": 4021,
            "swarm_key": 17,
            "stage": "PROD",
            "ports": [
                {
                    "name": "web",
                    "main": True,
                    "active": True,
                    "public": False,
                    "port": 8080,
                    "protocol": "http",
                    "local_ip": "",
                    "remote_port_environment": "",
                    "remote_port": 0,
                    "host_port": 40003,
                },
                {
                    "name": "",
                    "main": False,
                    "active": False,
                    "public": False,
                    "port": 1883,
                    "protocol": "tcp",
                    "local_ip": "",
                    "remote_port_environment": "",
                    "remote_port": 0,
                    "cloud_remote_port": 30777,
                },
            ],
        },
    )


# --- 3.2


async def test_a_status_carries_session_figures_and_tunnels(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(UPDATE_STATUS, {"reswarmBaseURL": "https://studio.example.org"})
    stats = Stats(cpu_count=4, cpu_usage=12.5)

    base_url = await backend.report_status(Status.CONNECTED, stats)

    called = only(messenger)
    assert base_url == "https://studio.example.org"
    assert called.deadline == 10
    assert called.args == (
        {
            "swarm_key": 17,
            "device_key": 4021,
            "status": "CONNECTED",
            "wamp_session_id": messenger.session_id,
            "tunnel_capable": False,
            "stats": stats.wire(),
        },
    )


@pytest.mark.parametrize(
    "answer", [(), (None,), ({},), ({"reswarmBaseURL": None},), ({"reswarmBaseURL": 5},), ("x",)]
)
async def test_a_missing_base_url_is_no_base_url(
    messenger: FakeMessenger, backend: WampBackend, answer: tuple[object, ...]
) -> None:
    messenger.router.answer(UPDATE_STATUS, *answer)

    assert await backend.report_status(Status.CONFIGURING, Stats()) == ""


async def test_before_tunnels_are_decided_nothing_is_said_of_them(
    messenger: FakeMessenger,
) -> None:
    messenger.router.answer(UPDATE_STATUS)
    backend = WampBackend(
        messenger,
        lambda: ME,
        arch="amd64",
        version="1",
        system=str,
        tunnel_capable=lambda: None,
    )

    await backend.report_status(Status.CONNECTED, Stats())

    [report] = only(messenger).args
    assert isinstance(report, dict)
    assert "tunnel_capable" not in report


# --- 3.3


async def test_metadata_is_asked_for_without_the_project(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(
        METADATA,
        {
            "device_key": 4021,
            "device_name": "press-07",
            "swarm_name": "hall-b",
            "ownername": "acme",
            "swarm_key": 18,
        },
    )

    metadata = await backend.read_metadata()

    assert only(messenger).args == ({"device_key": 4021},)
    assert metadata == Metadata(18, "press-07", "hall-b", "acme")


@pytest.mark.parametrize("swarm_key", [42, 42.0, "42"])
async def test_the_project_is_any_whole_number(
    messenger: FakeMessenger, backend: WampBackend, swarm_key: object
) -> None:
    messenger.router.answer(METADATA, {"swarm_key": swarm_key})

    assert await backend.read_metadata() == Metadata(42)


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (None,),
        ([],),
        ({},),
        ({"swarm_key": "not-a-number-at-all"},),
        ({"swarm_key": True},),
        ({"swarm_key": 1.5},),
    ],
)
async def test_metadata_that_cannot_be_read_is_an_error(
    messenger: FakeMessenger, backend: WampBackend, answer: tuple[object, ...]
) -> None:
    messenger.router.answer(METADATA, *answer)

    with pytest.raises(CallFailed):
        await backend.read_metadata()


# --- 3.4


async def test_the_credential_key_is_asked_for_without_arguments(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(CRED_KEY, "c2FtcGxlLWNyZWQta2V5")

    assert await backend.app_credential_key() == "c2FtcGxlLWNyZWQta2V5"
    assert only(messenger).args == ()


@pytest.mark.parametrize("answer", [(), ("",), (None,), (5,)])
async def test_no_credential_key_is_an_error(
    messenger: FakeMessenger, backend: WampBackend, answer: tuple[object, ...]
) -> None:
    messenger.router.answer(CRED_KEY, *answer)

    with pytest.raises(CallFailed):
        await backend.app_credential_key()


# --- 3.5


async def test_the_architecture_is_reported_whole_and_in_parts(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer("reswarm.devices.update_device_architecture")

    await backend.report_architecture()

    assert only(messenger).args == (
        {
            "swarm_key": 17,
            "device_key": 4021,
            "architecture": "armv7",
            "os": "linux raspbian 12.5 6.6.31-v7",
            "arch": "arm",
            "variant": "v7",
            "agent_version": "1.0.0",
        },
    )


@pytest.mark.parametrize(
    ("arch", "parts"),
    [("armv5", ("arm", "v5")), ("arm64", ("arm64", "")), ("amd64", ("amd64", ""))],
)
def test_only_32_bit_arm_has_variants(arch: str, parts: tuple[str, str]) -> None:
    assert split(arch) == parts


# --- 3.7


async def test_rows_become_wanted_apps(messenger: FakeMessenger, backend: WampBackend) -> None:
    messenger.router.answer(
        REQUESTED,
        [
            {"app_key": 1, "app_name": "alpha", "stage": "PROD", "present_version": "1.2.3"},
            {"app_key": 2, "app_name": "beta", "stage": "DEV", "target_state": "PRESENT"},
        ],
    )

    alpha, beta = await backend.requested_apps()

    assert only(messenger).args == ({"device_key": 4021},)
    assert (alpha.app_name, alpha.version) == ("alpha", "1.2.3")
    assert (beta.stage, beta.target) == ("DEV", "PRESENT")


async def test_an_empty_list_is_an_answer(messenger: FakeMessenger, backend: WampBackend) -> None:
    messenger.router.answer(REQUESTED, [])

    assert await backend.requested_apps() == []


@pytest.mark.parametrize("answer", [(), (None,), ({},), ("x",), (0,)])
async def test_what_is_no_list_never_is_an_empty_list(
    messenger: FakeMessenger, backend: WampBackend, answer: tuple[object, ...]
) -> None:
    messenger.router.answer(REQUESTED, *answer)

    with pytest.raises(CallFailed):
        await backend.requested_apps()


async def test_an_odd_row_hides_neither_the_others_nor_itself(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(REQUESTED, [None, {"app_key": 1}, "x"])

    assert [wanted.app_key for wanted in await backend.requested_apps()] == [0, 1, 0]


# --- 3.8


async def test_a_token_is_asked_for_by_account(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.answer(TOKEN, "tok_7f3a")

    assert await backend.registry_token(9) == "tok_7f3a"
    assert only(messenger).args == ({"callerID": 9},)


async def test_no_token_in_the_answer_is_an_empty_token(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.offer(TOKEN, no_arguments)

    assert await backend.registry_token(9) == ""


@pytest.mark.parametrize("answer", [5, None, {"token": "x"}])
async def test_a_token_that_is_no_text_is_an_error(
    messenger: FakeMessenger, backend: WampBackend, answer: object
) -> None:
    messenger.router.answer(TOKEN, answer)

    with pytest.raises(CallFailed):
        await backend.registry_token(9)


# --- 5.2


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_privilege_is_checked_for_this_device(
    messenger: FakeMessenger,
    backend: WampBackend,
    allowed: bool,  # noqa: FBT001 - a table
) -> None:
    messenger.router.answer(PRIVILEGE, allowed)

    assert await backend.holds(Privilege.READ, 501) is allowed
    called = only(messenger)
    assert called.deadline == 10
    assert called.args == (
        {
            "privilege": "READ",
            "entity": "DEVICE",
            "entity_key": 4021,
            "requestor_account_key": 501,
            "swarm_key": 17,
        },
    )


@pytest.mark.parametrize("answer", [(), (None,), (1,), ("true",)])
async def test_an_answer_that_is_neither_true_nor_false_is_an_error(
    messenger: FakeMessenger, backend: WampBackend, answer: tuple[object, ...]
) -> None:
    messenger.router.answer(PRIVILEGE, *answer)

    with pytest.raises(CallFailed):
        await backend.holds(Privilege.READ, 501)


# --- 3.11


@pytest.mark.parametrize(
    ("answer", "listener"),
    [
        (([987654],), "987654"),
        (([987654, 2],), "987654"),
        ((987654,), "987654"),
        ((), ""),
        ((None,), ""),
        (([],), ""),
        (([None],), ""),
    ],
)
async def test_who_listens_to_a_topic(
    messenger: FakeMessenger, backend: WampBackend, answer: tuple[object, ...], listener: str
) -> None:
    messenger.router.answer(MATCH, *answer)

    assert await backend.log_listener("reswarm.logs.SN-TEST-0001.prod_77_vision") == listener
    assert only(messenger).args == ("reswarm.logs.SN-TEST-0001.prod_77_vision",)


# --- failures


CALLS: list[Callable[[WampBackend], Awaitable[object]]] = [
    WampBackend.read_metadata,
    WampBackend.app_credential_key,
    WampBackend.report_architecture,
    WampBackend.requested_apps,
    lambda backend: backend.report_status(Status.CONNECTED, Stats()),
    lambda backend: backend.registry_token(1),
    lambda backend: backend.holds(Privilege.READ, 1),
    lambda backend: backend.log_listener("topic"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_errors_of_the_platform_pass_through(
    backend: WampBackend, call: Callable[[WampBackend], Awaitable[object]]
) -> None:
    with pytest.raises(CallFailed, match="no_such_procedure"):
        await call(backend)


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_session_it_says_so(
    messenger: FakeMessenger,
    backend: WampBackend,
    call: Callable[[WampBackend], Awaitable[object]],
) -> None:
    messenger.go_down()

    with pytest.raises(NotConnected):
        await call(backend)


async def test_a_status_that_is_not_answered_is_given_up(
    messenger: FakeMessenger, backend: WampBackend
) -> None:
    messenger.router.swallow(UPDATE_STATUS)

    with pytest.raises(DeadlineExceeded):
        await backend.report_status(Status.CONNECTED, Stats())


# --- a platform that is alive and silent


@pytest.mark.parametrize(
    ("procedure", "ask"),
    [
        (METADATA, lambda backend: backend.read_metadata()),
        (CRED_KEY, lambda backend: backend.app_credential_key()),
        (ARCHITECTURE, lambda backend: backend.report_architecture()),
        (REQUESTED, lambda backend: backend.requested_apps()),
        (MATCH, lambda backend: backend.log_listener("reswarm.logs.SN-TEST-0001.prod_77_vision")),
    ],
)
async def test_no_step_of_the_on_connect_sequence_waits_for_ever(
    messenger: FakeMessenger,
    backend: WampBackend,
    procedure: str,
    ask: Callable[[WampBackend], Awaitable[object]],
) -> None:
    messenger.router.swallow(procedure)

    with pytest.raises(DeadlineExceeded):
        await ask(backend)
