"""What only a real router can show."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from reagent.adapters.clock import SystemClock
from reagent.adapters.wamp.connect import WampDialer
from reagent.connection.link import Link
from reagent.contracts.messenger import Session
from reagent.errors import (
    AuthenticationRefused,
    CallFailed,
    DialFailed,
    NotConnected,
    SerialTaken,
)
from reagent.model.call import Answer, Call, Event
from reagent.model.device import Identity
from sandbox.router import MuteRouter, Router
from tests.contract.messenger_worlds import (  # noqa: F401 - pytest finds `crossbar` by its name
    crossbar,
    identity,
    until,
)

pytestmark = [pytest.mark.router, pytest.mark.timeout(60)]


@pytest.fixture
def router(crossbar: Router) -> Router:  # noqa: F811
    crossbar.thaw()
    crossbar.start()
    return crossbar


@pytest.fixture
def me(router: Router) -> Identity:
    who = replace(identity(7, url=router.url), serial_number=uuid4().hex)
    router.admit(who.authid, who.secret)
    return who


@pytest.fixture
async def platform(router: Router) -> AsyncIterator[Session]:
    who = identity(8, url=router.url)
    router.admit(who.authid, who.secret)
    session = await dialer().dial(who)
    yield session
    await session.leave(2)


def dialer(*, connection_timeout_ms: int = 5000, ping_interval_ms: int = 0) -> WampDialer:
    return WampDialer(
        connection_timeout_ms=connection_timeout_ms, ping_interval_ms=ping_interval_ms
    )


async def empty(_: Call) -> Answer:
    return Answer()


@asynccontextmanager
async def linked(
    me: Identity, sequence: Callable[[Link, bool], object] = lambda *_: None, *, ping: int = 0
) -> AsyncIterator[Link]:
    link = Link(dialer(ping_interval_ms=ping), lambda: me, SystemClock())

    async def on_connect(reconnect: bool) -> None:  # noqa: FBT001 - the callback of the link
        made = sequence(link, reconnect)
        if asyncio.iscoroutine(made):
            await made

    link.when_connected(on_connect)
    running = asyncio.create_task(link.run())
    try:
        await until(lambda: link.connected)
        yield link
    finally:
        await link.close()
        await running


# --- being let in


async def test_a_salted_secret_is_accepted(router: Router, me: Identity) -> None:
    router.admit(me.authid, me.secret, salt="pepper-01")

    session = await dialer().dial(me)

    assert session.connected
    await session.leave(2)


async def test_a_wrong_secret_is_refused_for_good(router: Router, me: Identity) -> None:
    with pytest.raises(AuthenticationRefused, match="WAMP-CRA client signature is invalid"):
        await dialer().dial(replace(me, secret="wrong"))


async def test_an_unknown_device_may_be_known_tomorrow(me: Identity) -> None:
    with pytest.raises(DialFailed):
        await dialer().dial(replace(me, device_key=4711))


async def test_nobody_listening_is_a_failed_dial(me: Identity) -> None:
    with pytest.raises(DialFailed, match="no connection"):
        await dialer().dial(replace(me, device_endpoint_url="ws://127.0.0.1:1/ws"))


async def test_a_path_that_is_no_websocket_is_a_failed_dial(router: Router, me: Identity) -> None:
    wrong = router.url.replace("ws-re-dev", "nothing")

    with pytest.raises(DialFailed, match="404"):
        await dialer().dial(replace(me, device_endpoint_url=wrong))


async def test_a_dial_ends_at_its_bound(me: Identity) -> None:
    mute = MuteRouter()
    mute.start()
    started = time.monotonic()

    with pytest.raises(DialFailed, match=r"within 0\.3 s"):
        await dialer(connection_timeout_ms=300).dial(replace(me, device_endpoint_url=mute.url))

    assert time.monotonic() - started < 10
    mute.close()


async def test_a_dial_that_is_cancelled_ends_at_once(me: Identity) -> None:
    mute = MuteRouter()
    mute.start()
    dialling = asyncio.create_task(
        dialer(connection_timeout_ms=0).dial(replace(me, device_endpoint_url=mute.url))
    )
    await asyncio.sleep(0.05)

    dialling.cancel()

    done, _ = await asyncio.wait({dialling}, timeout=10)
    assert dialling in done
    mute.close()


# --- calls


async def test_a_call_that_is_given_up_interrupts_the_handler(
    me: Identity, platform: Session
) -> None:
    session = await dialer().dial(me)
    stopped = asyncio.Event()

    async def hang(_: Call) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return Answer()

    uri = f"test.{uuid4().hex}"
    await session.register(uri, hang)

    with pytest.raises(Exception, match="within"):
        await platform.call(uri, deadline=0.1)

    await asyncio.wait_for(stopped.wait(), 20)
    assert session.connected
    assert platform.connected
    await session.leave(2)


async def test_bytes_are_an_error_and_not_the_end(me: Identity, platform: Session) -> None:
    session = await dialer().dial(me)

    async def raw(_: Call) -> Answer:
        return Answer([b"\x00\x01"])

    uri = f"test.{uuid4().hex}"
    await session.register(uri, raw)

    with pytest.raises(CallFailed, match=r"wamp\.error\.canceled"):
        await platform.call(uri)
    assert session.connected
    await session.leave(2)


async def test_an_answer_larger_than_a_frame_is_an_error_and_not_the_end(
    me: Identity, platform: Session
) -> None:
    session = await dialer().dial(me)

    async def huge(_: Call) -> Answer:
        return Answer(["x" * (17 * 1024 * 1024)])

    uri = f"test.{uuid4().hex}"
    await session.register(uri, huge)

    with pytest.raises(CallFailed, match="larger than the router takes"):
        await platform.call(uri)
    assert session.connected
    await session.leave(2)


async def test_a_megabyte_goes_through_in_both_directions(me: Identity, platform: Session) -> None:
    session = await dialer().dial(me)

    async def echo(call: Call) -> Answer:
        return Answer(call.args)

    uri = f"test.{uuid4().hex}"
    await session.register(uri, echo)
    text = "äöü€" * 300_000

    assert (await platform.call(uri, text)).args[0] == text
    await session.leave(2)


# --- the link


async def test_the_testament_speaks_when_the_device_is_gone(
    me: Identity, platform: Session
) -> None:
    heard: list[Event] = []

    async def hears(event: Event) -> None:
        heard.append(event)

    await platform.subscribe("reswarm.api.testament_device", hears)
    async with linked(me) as link:
        number = link.session_id

    await until(lambda: bool(heard))
    assert heard[0].args[0] == {
        "swarm_key": 1,
        "device_key": 7,
        "serial_number": me.serial_number,
        "wamp_session_id": number,
    }


async def test_the_platform_can_call_back(me: Identity, platform: Session) -> None:
    async with linked(me):
        answer = await platform.call(f"re.mgmt.{me.serial_number}.wamp_connection_established")

    assert list(answer.args) == ["Hello :-)"]


async def test_a_second_agent_with_the_same_serial_gives_up(me: Identity) -> None:
    async with linked(me):
        rival = Link(dialer(), lambda: me, Hasty())

        with pytest.raises(SerialTaken, match=me.serial_number):
            await rival.run()


async def test_after_a_router_restart_everything_is_offered_again(
    router: Router, me: Identity
) -> None:
    uri = f"test.{uuid4().hex}"

    async def offer(link: Link, _: bool) -> None:  # noqa: FBT001
        await link.register(uri, empty)

    async with linked(me, offer) as link:
        first = link.session_id

        await asyncio.to_thread(router.restart)

        await until(lambda: link.connected and link.session_id != first, within=20)
        who = identity(8, url=router.url)
        caller = await dialer().dial(who)
        await until_callable(caller, uri)
        await caller.leave(2)


async def test_a_router_that_ends_in_order_is_dialled_again(router: Router, me: Identity) -> None:
    async with linked(me) as link:
        await asyncio.to_thread(router.shut_down)
        await until(lambda: not link.connected)
        with pytest.raises(NotConnected):
            await link.publish("topic")

        await asyncio.to_thread(router.start)

        await until(lambda: link.connected, within=20)


async def test_a_frozen_router_is_noticed_by_pings(router: Router, me: Identity) -> None:
    async with linked(me, ping=200) as link:
        started = time.monotonic()
        router.freeze()
        try:
            await until(lambda: not link.connected, within=20)
            assert time.monotonic() - started > 0.5
        finally:
            router.thaw()
        await until(lambda: link.connected, within=20)


async def test_closing_beside_a_frozen_router_is_bounded(router: Router, me: Identity) -> None:
    link = Link(dialer(), lambda: me, SystemClock())
    running = asyncio.create_task(link.run())
    await until(lambda: link.connected)
    router.freeze()
    started = time.monotonic()
    try:
        await link.close()
        await running
    finally:
        router.thaw()

    assert time.monotonic() - started < 2.5


async def test_pings_that_are_answered_keep_the_session(me: Identity) -> None:
    async with linked(me, ping=300) as link:
        first = link.session_id
        await asyncio.sleep(1.5)

        assert link.session_id == first


class Hasty(SystemClock):
    """Does not sleep long."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 50)


async def until_callable(caller: Session, uri: str) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await caller.call(uri)
            except CallFailed:
                await asyncio.sleep(0.05)
            else:
                return
