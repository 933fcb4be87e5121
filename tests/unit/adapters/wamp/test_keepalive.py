from __future__ import annotations

import asyncio

from reagent.adapters.wamp.keepalive import Keepalive


class Peer:
    def __init__(self, *, answers: bool) -> None:
        self.pings: list[bytes] = []
        self.dead = asyncio.Event()
        self.five = asyncio.Event()
        self.keepalive = Keepalive(0.01, self.ping, self.dead.set)
        self._answers = answers

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)
        if len(self.pings) == 5:
            self.five.set()
        if self._answers:
            self.keepalive.ponged(payload)


async def test_a_peer_that_answers_lives() -> None:
    peer = Peer(answers=True)
    peer.keepalive.start()

    await asyncio.wait_for(peer.five.wait(), 20)

    assert not peer.dead.is_set()
    assert set(peer.pings) == {b"keepalive"}
    peer.keepalive.stop()


async def test_a_peer_is_dead_when_the_third_ping_is_due_and_two_are_unanswered() -> None:
    peer = Peer(answers=False)
    peer.keepalive.start()

    await asyncio.wait_for(peer.dead.wait(), 20)

    assert len(peer.pings) == 2


async def test_s17_without_an_interval_nothing_is_sent() -> None:
    peer = Peer(answers=False)
    keepalive = Keepalive(0, peer.ping, peer.dead.set)

    keepalive.start()
    await asyncio.sleep(0.05)

    assert peer.pings == []


async def test_somebody_elses_pong_is_no_answer() -> None:
    peer = Peer(answers=False)
    peer.keepalive.start()

    while not peer.dead.is_set():
        peer.keepalive.ponged(b"other")
        await asyncio.sleep(0.005)

    assert len(peer.pings) == 2
