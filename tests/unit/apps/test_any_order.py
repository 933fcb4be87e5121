from __future__ import annotations

import asyncio
import random

import pytest

from reagent.model.app import State
from tests.unit.apps.rig import Rig

_CALLS = (
    "create", "start", "stop", "remove_images", "inspect", "list_containers", "image_exists", "pull"
)  # fmt: skip
_TARGETS = ("RUNNING", "PRESENT", "REMOVED", "UNINSTALLED", "RUNNING", "PRESENT")
# The table has no way from UNINSTALLED to REMOVED: asking for less than was done changes nothing.
_ARRIVED = {
    "RUNNING": {State.RUNNING},
    "PRESENT": {State.PRESENT},
    "REMOVED": {State.REMOVED, State.UNINSTALLED},
    "UNINSTALLED": {State.UNINSTALLED, State.REMOVED},
}


async def _play(rig: Rig, chance: random.Random) -> str:
    """Ask for this and that, at any moment, as people do; returns what was asked for last."""
    for version in ("1.0.0", "2.0.0"):
        rig.engine.offers(rig.image(version))
    target = ""
    for _ in range(chance.randint(3, 8)):
        target = chance.choice(_TARGETS)
        app = next(iter(rig.apps.all()), None)
        works = app is not None and app.state in {State.DOWNLOADING, State.UPDATING}
        if chance.random() < 0.2:
            rig.engine.refuse(chance.choice(_CALLS), "a bad day")
        await rig.apps.request(
            rig.wanted(
                target,
                str(app.state) if app else "REMOVED",
                newest_version=chance.choice(("1.0.0", "2.0.0")),
                request_update=chance.random() < 0.3,
                cancel_transition=works and target == "REMOVED",
            )
        )
        for _ in range(chance.choice((0, 0, 1, 3, 10))):
            await asyncio.sleep(chance.choice((0.0, 0.001)))
        if chance.random() < 0.2 and "prod_1_app" in rig.engine.names:
            rig.engine.crash("prod_1_app")
    return target


def _runs(rig: Rig) -> bool:
    """Whether anything does; it is of the version that the app has."""
    containers = map(rig.engine.container, rig.engine.names)
    running = [each.spec.image for each in containers if each.status == "running"]
    assert running in ([], [rig.image(rig.app().version)])
    return bool(running)


async def _arrive(rig: Rig, target: str) -> None:
    """Give an app that crashed on the way the time to come back."""
    await rig.apps.settled()
    for _ in range(120):
        await rig.clock.pass_time(1)
        await rig.apps.settled()
        if rig.app().state in _ARRIVED[target]:
            break


@pytest.mark.parametrize("seed", range(25))
async def test_what_was_asked_for_last_is_what_becomes_of_an_app(rig: Rig, seed: int) -> None:
    target = await _play(rig, random.Random(seed))

    await _arrive(rig, target)

    assert rig.app().state in _ARRIVED[target]
    assert not rig.apps.busy
    assert (rig.app().state == State.RUNNING) == _runs(rig)
    assert rig.cloud.told[-1] == rig.app().state


@pytest.mark.parametrize("seed", range(25))
async def test_an_agent_that_is_cut_at_any_moment_finds_its_way_again(rig: Rig, seed: int) -> None:
    target = await _play(rig, random.Random(seed))

    await rig.apps.close()
    rig.engine._refusals.clear()
    await rig.restarted().boot()
    await rig.apps.sync([rig.wanted(target, "REMOVED", newest_version="1.0.0")])
    rig.apps.ensure_remote()
    await _arrive(rig, target)

    assert rig.app().state in _ARRIVED[target]
    assert (rig.app().state == State.RUNNING) == _runs(rig)
    assert rig.cloud.told[-1] == rig.app().state
