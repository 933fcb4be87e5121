import asyncio
from collections.abc import AsyncIterator

import pytest

from sandbox import answers, wamp
from sandbox.backend import Backend
from sandbox.cloud import Cloud
from sandbox.database import Identity
from sandbox.registry import Registry
from sandbox.wamp import CallError, Session

APP = {"app_key": 77, "app_name": "vision", "stage": "PROD", "current_state": "REMOVED"}


@pytest.fixture
def identity(cloud: Cloud) -> Identity:
    return cloud.new_identity(owner_account=9)


@pytest.fixture
async def wire(cloud: Cloud, identity: Identity) -> AsyncIterator[Session]:
    """A device's session, without a device."""
    async with wamp.session(cloud.router.url, identity.authid, identity.secret) as session:
        yield session


async def test_every_procedure_that_devices_call_is_answered(
    wire: Session, identity: Identity
) -> None:
    key = {"device_key": identity.device_key}
    report = {**key, "app_key": 77, "stage": "PROD", "state": "RUNNING"}
    privilege = {
        "privilege": "READ",
        "entity": "DEVICE",
        "entity_key": identity.device_key,
        "requestor_account_key": 501,
        "swarm_key": 17,
    }
    requests: dict[str, list[object]] = {
        answers.METADATA: [key],
        answers.CRED_KEY: [],
        answers.STATUS: [{**key, "status": "CONFIGURING", "wamp_session_id": wire.id}],
        answers.ARCHITECTURE: [{**key, "architecture": "amd64"}],
        answers.WANTED_APPS: [key],
        answers.UPDATE_APP: [report],
        answers.REGISTRY_TOKEN: [{"callerID": 9}],
        answers.PRIVILEGE: [privilege],
        answers.EXPOSE_PORT: [{"port": 0, "protocol": "tcp"}],
        answers.RUN_GC: [],
    }

    got = {name: (await wire.call(name, *args)).value for name, args in requests.items()}

    assert got == {
        answers.METADATA: {
            "device_key": identity.device_key,
            "device_name": "press-07",
            "swarm_name": "hall-b",
            "ownername": "acme",
            "swarm_key": 17,
        },
        answers.CRED_KEY: identity.cred_key,
        answers.STATUS: {"reswarmBaseURL": "https://studio.example.org"},
        answers.ARCHITECTURE: None,
        answers.WANTED_APPS: [],
        answers.UPDATE_APP: None,
        answers.REGISTRY_TOKEN: f"tok-{identity.device_key}-9",
        answers.PRIVILEGE: True,
        answers.EXPOSE_PORT: {"remote_port": 31000},
        answers.RUN_GC: {"freed_bytes": 123456789},
    }


async def test_a_token_that_was_handed_out_opens_the_registry(
    wire: Session, identity: Identity, registry: Registry
) -> None:
    token = str((await wire.call(answers.REGISTRY_TOKEN, {"callerID": 9})).value)

    assert registry.accepts(token, identity.secret)


async def test_a_reported_state_is_in_the_next_answer(
    backend: Backend, wire: Session, identity: Identity
) -> None:
    backend.database.want_app(identity.device_key, {**APP, "target_state": "RUNNING"})
    key = {"device_key": identity.device_key}

    await wire.call(answers.UPDATE_APP, {**key, "app_key": 77, "stage": "PROD", "state": "RUNNING"})

    rows = (await wire.call(answers.WANTED_APPS, key)).value
    assert rows == [{**APP, "current_state": "RUNNING", "target_state": "RUNNING"}]
    assert backend.states(identity, 77) == ["RUNNING"]


async def test_a_privilege_that_was_revoked_is_denied(
    backend: Backend, wire: Session, identity: Identity
) -> None:
    backend.database.revoke(501, "READ")

    denied = await wire.call(
        answers.PRIVILEGE,
        {"privilege": "READ", "entity_key": identity.device_key, "requestor_account_key": 501},
    )

    assert denied.value is False


async def test_a_tunnel_port_is_given_out_once(wire: Session) -> None:
    await wire.call(answers.EXPOSE_PORT, {"port": 40001, "protocol": "tcp"})

    with pytest.raises(CallError, match="Duplicate value"):
        await wire.call(answers.EXPOSE_PORT, {"port": 40001, "protocol": "tcp"})


async def test_a_planned_failure_happens_so_often_and_no_oftener(
    backend: Backend, wire: Session
) -> None:
    backend.fail(answers.CRED_KEY, "out of order", times=2)

    for _ in range(2):
        with pytest.raises(CallError, match="out of order"):
            await wire.call(answers.CRED_KEY)

    assert (await wire.call(answers.CRED_KEY)).value == "c2FtcGxlLWNyZWQta2V5"


async def test_an_answer_can_be_replaced_and_healed(backend: Backend, wire: Session) -> None:
    backend.answer(answers.CRED_KEY)
    nothing = await wire.call(answers.CRED_KEY)

    backend.heal()

    assert nothing == wamp.Result()
    assert (await wire.call(answers.CRED_KEY)).value == "c2FtcGxlLWNyZWQta2V5"


async def test_a_call_can_be_left_hanging(backend: Backend, wire: Session) -> None:
    backend.hang(answers.CRED_KEY, times=1)

    with pytest.raises(TimeoutError):
        await wire.call(answers.CRED_KEY, within=0.2)

    assert (await wire.call(answers.CRED_KEY)).value == "c2FtcGxlLWNyZWQta2V5"


async def test_calls_are_kept_in_order_with_their_callers(
    backend: Backend, wire: Session, identity: Identity
) -> None:
    await wire.call(answers.CRED_KEY)
    await wire.call(answers.METADATA, {"device_key": identity.device_key})

    told = [(call.procedure, call.caller, call.args) for call in backend.calls]

    assert told == [
        (answers.CRED_KEY, identity.authid, ()),
        (answers.METADATA, identity.authid, ({"device_key": identity.device_key},)),
    ]


async def test_waiting_for_a_call_that_never_comes_says_what_came(
    backend: Backend, wire: Session
) -> None:
    await wire.call(answers.CRED_KEY)

    with pytest.raises(TimeoutError, match="get_app_cred_key"):
        await backend.called(answers.STATUS, within=0.1)


async def test_the_backend_is_back_after_the_router_was_restarted(
    cloud: Cloud, backend: Backend, identity: Identity
) -> None:
    await asyncio.to_thread(cloud.router.restart)
    await backend.online()

    async with wamp.session(cloud.router.url, identity.authid, identity.secret) as session:
        answer = await session.call(answers.CRED_KEY)

    assert answer.value == identity.cred_key
