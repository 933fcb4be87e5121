"""Throwing away what nobody uses, in memory and on a real Docker engine of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reagent.errors import EngineUnavailable
from tests.contract.engine_worlds import (  # noqa: F401  # pytest finds `services` by its name
    Memory,
    Real,
    World,
    services,
    spec,
    until,
)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["memory", pytest.param("docker", marks=pytest.mark.docker)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: World
    if request.param == "memory":
        made = Memory()
    else:
        daemon, registry = request.getfixturevalue("services")
        made = Real(daemon, registry)
        if not made.can_go_down:
            pytest.skip("the engine was given; what lies there is not ours to throw away")
    yield made
    await made.close()


async def tags(world: World) -> list[str]:
    found: list[str] = []
    for image in await world.engine.list_images():
        names = image["RepoTags"]
        found += names if isinstance(names, list) else []
    return sorted(tag for tag in found if tag != "<none>:<none>")


async def test_only_images_that_lost_their_name_are_taken_when_no_more_is_asked_for(
    world: World,
) -> None:
    name = await world.has_image("apps/9_kept:1.0.0")
    await world.has_dangling_image("apps/9_moved:1.0.0")
    await world.engine.create(spec(world, "prod_9_kept", name))
    before, named = len(await world.engine.list_images()), await tags(world)

    await world.engine.prune_dangling()

    left = len(await world.engine.list_images())
    # The engine may hold more of them: its disk is not made anew for every test.
    assert left < before
    assert left == len(named)
    assert await tags(world) == named
    assert (await world.engine.inspect("prod_9_kept")).status == "created"


async def test_whatever_no_running_container_uses_is_taken_and_told(world: World) -> None:
    running = await world.has_image("apps/9_running:1.0.0")
    stopped = await world.has_image("apps/9_stopped:1.0.0", exits_with=0)
    await world.has_dangling_image("apps/9_moved:1.0.0")
    network, volume = await world.has_leftovers()
    await world.engine.create(spec(world, "prod_9_running", running))
    await world.engine.start("prod_9_running")
    gone = await world.engine.create(spec(world, "prod_9_stopped", stopped))
    await world.engine.start("prod_9_stopped")
    await until(world, "prod_9_stopped", "exited")

    pruned = await world.engine.prune_unused()

    assert await tags(world) == [running]
    assert (await world.engine.inspect("prod_9_running")).status == "running"
    assert [one["Names"] for one in await world.engine.list_containers()] == [["/prod_9_running"]]
    assert gone in pruned.containers
    assert network in pruned.networks
    assert volume in pruned.volumes
    assert f"untagged: {stopped}" in pruned.images
    assert any(record.startswith("deleted: sha256:") for record in pruned.images)


async def test_an_engine_that_is_away_throws_nothing_away(world: World) -> None:
    await world.go_down()

    with pytest.raises(EngineUnavailable):
        await world.engine.prune_dangling()
    with pytest.raises(EngineUnavailable):
        await world.engine.prune_unused()
    await world.come_up()
