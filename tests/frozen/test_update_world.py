"""A world that is broken while a good version is tried: nothing is held against the version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.engine import OwnEngine
from sandbox.program import Program
from tests.frozen.updating import Press, Unit, started

FIRST, GOOD = "1.1.0", "1.1.1"
PROOF_S = 3.0
SOAK_S = 1.5

pytestmark = pytest.mark.timeout(150)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the world, and what a candidate needs it for."""

    lets_go: Callable[[Cloud], None]
    comes_back: Callable[[Cloud], None]
    before_the_trial: bool


def _kill_engine(cloud: Cloud) -> None:
    if not isinstance(cloud.engine, OwnEngine):
        pytest.skip("the engine is not ours to stop")
    cloud.engine.kill()


def _start_engine(cloud: Cloud) -> None:
    if isinstance(cloud.engine, OwnEngine):
        cloud.engine.start()


PARTS = {
    "router": Part(
        lambda cloud: cloud.router.stop(),
        lambda cloud: cloud.router.start(),
        before_the_trial=False,  # without a session nobody hands over
    ),
    "engine": Part(_kill_engine, _start_engine, before_the_trial=True),
    "bucket": Part(
        lambda cloud: cloud.bucket.stop(),
        lambda cloud: cloud.bucket.start(),
        before_the_trial=True,
    ),
}


async def test_a_secret_that_nobody_accepts_for_a_while_is_not_held_against_the_version(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    """The candidate is refused, and so is active after it: that settles the attempt."""
    press = Press.of(cloud, program)
    unit = Unit(cloud, program, proof=PROOF_S, soak=SOAK_S)
    who = unit.device.identity
    press.release(FIRST)
    await started(unit)
    await unit.on(FIRST)

    press.release(GOOD)
    await user.ask(who, "update_agent")
    await unit.tried()
    cloud.router.admit(who.authid, "another secret")
    await cloud.backend.cut(who.authid)
    await unit.device.started(2)
    given_back, strikes = unit.given_back, unit.trial["strikes"]
    cloud.router.admit(who.authid, who.secret)

    await unit.on(GOOD, within=60.0)
    assert (given_back, strikes) == (1, 0)
    assert unit.blocked == []


@pytest.mark.parametrize("name", PARTS)
async def test_what_was_tried_while_the_world_was_broken_is_taken_when_it_is_well(
    cloud: Cloud, program: Program, name: str, engine: object
) -> None:
    press, part = Press.of(cloud, program), PARTS[name]
    unit = Unit(cloud, program, proof=PROOF_S, soak=SOAK_S)
    press.release(FIRST)
    await started(unit)
    await unit.on(FIRST)  # what can be done here is known from now on

    press.release(GOOD)
    async with Caller(cloud.router) as caller:
        await caller.ask(unit.device.identity, "update_agent")
    if not part.before_the_trial:
        await unit.tried()
    assert unit.trial["version"] == GOOD
    await asyncio.to_thread(part.lets_go, cloud)
    await unit.until("the attempt is given back", within=60.0, given_back=1)
    strikes, active = unit.trial["strikes"], unit.active
    await asyncio.to_thread(part.comes_back, cloud)
    if name == "router":
        await cloud.backend.online()

    assert (strikes, active, unit.blocked) == (0, FIRST, [])
    await unit.on(GOOD, within=60.0)
    assert unit.blocked == []
    assert unit.named("previous") == FIRST
    assert unit.device.starts == 1
