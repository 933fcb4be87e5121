import asyncio

import pytest

from sandbox import wamp
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.router import MuteRouter, Router

SERIAL = "SN-TEST-0001"
PROCEDURE = f"re.mgmt.{SERIAL}.get_images"


async def echo_caller(call: wamp.Incoming) -> wamp.Result:
    return wamp.Result((call.caller,))


async def test_a_wrong_secret_is_refused_in_the_words_agents_look_for(router: Router) -> None:
    router.admit("17-1", "right")

    with pytest.raises(wamp.NotJoined, match="WAMP-CRA client signature is invalid"):
        await wamp.join(router.url, "17-1", "wrong")


async def test_an_unknown_device_is_refused_in_other_words(router: Router) -> None:
    with pytest.raises(wamp.NotJoined, match="no principal") as refused:
        await wamp.join(router.url, "17-999999", "any")

    assert "signature" not in str(refused.value)


async def test_a_salted_secret_lets_in(router: Router) -> None:
    router.admit("17-2", "demo-device-secret", salt="pepper-01")

    async with wamp.session(router.url, "17-2", "demo-device-secret") as session:
        joined = session.joined

    assert joined


async def test_a_device_learns_who_calls(router: Router, user: Caller, system: Caller) -> None:
    router.admit("17-3", "secret")
    async with wamp.session(router.url, "17-3", "secret") as session:
        await session.register(PROCEDURE, echo_caller, force=True)

        answers = [(await caller.session.call(PROCEDURE)).value for caller in (user, system)]

    assert answers == ["501", "system"]


async def test_a_forced_registration_takes_over_from_a_forced_one(
    router: Router, user: Caller
) -> None:
    router.admit("17-4", "secret")
    async with (
        wamp.session(router.url, "17-4", "secret") as old,
        wamp.session(router.url, "17-4", "secret") as new,
    ):
        await old.register(PROCEDURE, echo_caller, force=True)

        await new.register(PROCEDURE, echo_caller, force=True)
        await old.leave()

        assert (await user.session.call(PROCEDURE)).value == "501"


async def test_a_second_plain_registration_is_refused(router: Router) -> None:
    router.admit("17-5", "secret")
    async with (
        wamp.session(router.url, "17-5", "secret") as first,
        wamp.session(router.url, "17-5", "secret") as second,
    ):
        await first.register(PROCEDURE, echo_caller)

        with pytest.raises(wamp.CallError) as refused:
            await second.register(PROCEDURE, echo_caller)

    assert refused.value.error == "wamp.error.procedure_already_exists"


async def test_a_device_that_dies_leaves_a_testament(cloud: Cloud) -> None:
    identity = cloud.new_identity()
    session = await wamp.join(cloud.router.url, identity.authid, identity.secret)
    will = {
        "swarm_key": identity.swarm_key,
        "device_key": identity.device_key,
        "serial_number": identity.serial_number,
        "wamp_session_id": session.id,
    }
    await session.call("wamp.session.add_testament", "reswarm.api.testament_device", [will], {})

    ended = await cloud.backend.cut(identity.authid)

    record = await cloud.backend.status(identity, "DISCONNECTED")
    assert ended == 1
    assert record.payload == will
    await session.leave()


async def test_listening_to_logs_is_seen_by_the_device(router: Router, user: Caller) -> None:
    topic = f"reswarm.logs.{SERIAL}.prod_77_vision"
    router.admit("17-6", "secret")
    async with wamp.session(router.url, "17-6", "secret") as session:
        created = wamp.Events()
        await session.subscribe("wamp.subscription.on_create", created.add)
        before = await session.call("wamp.subscription.match", topic)

        await user.follow(topic)

        seen = await created.until(lambda heard: any(_uri(e) == topic for e in heard))
        matched = await session.call("wamp.subscription.match", topic)
    assert before.value in (None, [])
    assert matched.value == [_id(next(e for e in seen if _uri(e) == topic))]


async def test_a_prefix_subscription_counts_as_a_listener(router: Router, user: Caller) -> None:
    await user.follow("reswarm.logs.", match="prefix")
    router.admit("17-7", "secret")

    async with wamp.session(router.url, "17-7", "secret") as session:
        matched = await session.call("wamp.subscription.match", "reswarm.logs.x.prod_1_y")

    assert isinstance(matched.value, list)
    assert len(matched.value) == 1


async def test_the_literal_ondestroy_topic_may_be_subscribed(router: Router) -> None:
    router.admit("17-8", "secret")
    async with wamp.session(router.url, "17-8", "secret") as session:
        events = wamp.Events()

        await session.subscribe("reswarm.device.%d.list/ondestroy", events.add)

        assert session.joined


async def test_a_restart_ends_every_session_and_keeps_the_port(router: Router) -> None:
    router.admit("17-9", "secret")
    session = await wamp.join(router.url, "17-9", "secret")
    url = router.url

    await asyncio.to_thread(router.restart)

    await asyncio.wait_for(session.lost(), 20)
    async with wamp.session(url, "17-9", "secret") as again:
        assert again.joined


async def test_a_mute_router_accepts_and_says_nothing() -> None:
    mute = MuteRouter()
    mute.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", mute.port)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)

    writer.close()
    mute.close()


def _uri(event: wamp.Incoming) -> object:
    details = event.args[1]
    return details.get("uri") if isinstance(details, dict) else None


def _id(event: wamp.Incoming) -> object:
    details = event.args[1]
    return details.get("id") if isinstance(details, dict) else None
