"""What every `Engine` does, judged in memory and on a real Docker engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from reagent.contracts.engine import EngineEvent, Mount, PortBinding
from reagent.errors import (
    ContainerNotFound,
    EngineFailed,
    EngineUnavailable,
    ImageNotFound,
)
from reagent.model.app import Login
from tests.contract.engine_worlds import (  # noqa: F401  # pytest finds `services` by its name
    LOGIN,
    Memory,
    Real,
    World,
    read,
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
        daemon.start()
        made = Real(daemon, registry)
    yield made
    await made.close()


# --- the engine itself --------------------------------------------------------------------------


async def test_an_engine_that_is_there_answers_a_ping(world: World) -> None:
    await world.engine.ping()

    assert (await world.engine.data_root()).startswith("/")


async def test_an_engine_that_went_away_is_unavailable_and_comes_back(world: World) -> None:
    if not world.can_go_down:
        pytest.skip("the engine was given; it is not ours to stop")
    await world.engine.ping()

    await world.go_down()
    with pytest.raises(EngineUnavailable):
        await world.engine.ping()
    with pytest.raises(EngineUnavailable):
        await world.engine.list_images()
    with pytest.raises(EngineUnavailable):
        await world.engine.start("prod_9_app")
    await world.come_up()

    await world.engine.ping()
    assert list(await world.engine.list_containers()) == []


# --- containers ---------------------------------------------------------------------------------


async def test_a_created_container_is_seen_as_it_was_asked_for(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    bindings = (PortBinding(80, "tcp", 40901), PortBinding(53, "udp", 40902))

    made = await world.engine.create(spec(world, "prod_9_app", image, bindings=bindings))
    seen = await world.engine.inspect("prod_9_app")

    assert (seen.id, seen.name, seen.status, seen.error) == (made, "prod_9_app", "created", "")
    assert seen.labels["real"] == "True"
    assert set(seen.bindings) == set(bindings)
    assert (seen.network_mode, seen.tty) == ("bridge", True)


async def test_a_container_is_found_by_its_whole_name_or_id_only(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    made = await world.engine.create(spec(world, "prod_9_app2", image))

    for other in ("prod_9_app", "prod_9_app22", "rod_9_app2", made[:12], "", "prod_9_a/b?c"):
        with pytest.raises(ContainerNotFound):
            await world.engine.inspect(other)

    assert (await world.engine.inspect(made)).name == "prod_9_app2"


async def test_nothing_is_done_to_a_container_by_the_beginning_of_its_id(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    made = await world.engine.create(spec(world, "prod_9_app", image))

    with pytest.raises(ContainerNotFound):
        await world.engine.start(made[:12])
    with pytest.raises(ContainerNotFound):
        await world.engine.stop(made[:12], 1)
    await world.engine.remove(made[:12])

    assert (await world.engine.inspect("prod_9_app")).status == "created"


async def test_no_container_is_created_without_its_image(world: World) -> None:
    with pytest.raises(ImageNotFound, match="No such image"):
        await world.engine.create(spec(world, "prod_9_app", "apps/9_nowhere:1.0.0"))

    with pytest.raises(ContainerNotFound):
        await world.engine.inspect("prod_9_app")


async def test_a_name_is_given_once(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))

    with pytest.raises(EngineFailed, match="already in use"):
        await world.engine.create(spec(world, "prod_9_app", image))


async def test_a_container_runs_until_it_is_stopped(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))

    await world.engine.start("prod_9_app")
    await world.engine.start("prod_9_app")
    running = (await world.engine.inspect("prod_9_app")).status
    await world.engine.stop("prod_9_app", 1)
    await world.engine.stop("prod_9_app", 1)

    assert running == "running"
    assert (await world.engine.inspect("prod_9_app")).status == "exited"


async def test_a_program_that_ends_leaves_its_exit_code(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0", exits_with=3)
    await world.engine.create(spec(world, "prod_9_app", image))

    await world.engine.start("prod_9_app")
    await until(world, "prod_9_app", "exited")

    assert (await world.engine.inspect("prod_9_app")).exit_code == 3


async def test_a_container_that_cannot_be_started_remembers_why(world: World) -> None:
    image = await world.has_broken_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))

    with pytest.raises(EngineFailed, match="/not/there"):
        await world.engine.start("prod_9_app")
    seen = await world.engine.inspect("prod_9_app")

    assert seen.status == "created"
    assert "/not/there" in seen.error


async def test_what_is_not_there_cannot_be_started_or_stopped(world: World) -> None:
    with pytest.raises(ContainerNotFound):
        await world.engine.start("prod_9_app")
    with pytest.raises(ContainerNotFound):
        await world.engine.stop("prod_9_app", 1)


async def test_a_removed_container_is_gone_when_the_call_returns(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")

    await asyncio.gather(*(world.engine.remove("prod_9_app") for _ in range(3)))

    with pytest.raises(ContainerNotFound):
        await world.engine.inspect("prod_9_app")
    await world.engine.remove("prod_9_app")


async def test_every_container_is_listed_whether_it_runs_or_not(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.create(spec(world, "prod_9_other", image))
    await world.engine.start("prod_9_other")

    found = {
        name: summary["State"]
        for summary in await world.engine.list_containers()
        if isinstance(names := summary["Names"], list)
        for name in names
    }

    assert found["/prod_9_app"] == "created"
    assert found["/prod_9_other"] == "running"


# --- images -------------------------------------------------------------------------------------


async def test_an_image_exists_by_its_exact_reference(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    repository = image.removesuffix(":1.0.0")

    assert await world.engine.image_exists(image)
    for other in (f"{repository}:1.0", f"{repository}:latest", repository, f"{repository}2:1.0.0"):
        assert not await world.engine.image_exists(other)


async def test_images_are_listed_with_their_references(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")

    found = [
        summary for summary in await world.engine.list_images() if summary["RepoTags"] == [image]
    ]

    assert len(found) == 1
    assert str(found[0]["Id"]).startswith("sha256:")
    assert isinstance(found[0]["Size"], int)


async def test_all_tags_of_exactly_one_repository_are_removed(world: World) -> None:
    first = await world.has_image("apps/9_app:1.0.0")
    second = await world.has_image("apps/9_app:2.0.0", prints=["two"])
    other = await world.has_image("apps/9_app2:1.0.0")

    await world.engine.remove_images(first.removesuffix(":1.0.0"))
    await world.engine.remove_images(first.removesuffix(":1.0.0"))

    assert not await world.engine.image_exists(first)
    assert not await world.engine.image_exists(second)
    assert await world.engine.image_exists(other)


async def test_an_image_is_removed_although_a_stopped_container_was_made_of_it(
    world: World,
) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))

    await world.engine.remove_images(image.removesuffix(":1.0.0"))

    assert not await world.engine.image_exists(image)


async def test_one_tag_is_removed_and_the_image_stays_for_the_others(world: World) -> None:
    first = await world.has_image("apps/9_app:1.0.0")
    second = await world.has_image("apps/9_app:2.0.0")

    await world.engine.remove_image(first)
    await world.engine.remove_image(first)

    assert not await world.engine.image_exists(first)
    assert await world.engine.image_exists(second)


# --- pulls --------------------------------------------------------------------------------------


async def test_a_pull_gives_the_engines_records_and_then_the_image(world: World) -> None:
    image = await world.offers("apps/9_app:1.0.0")

    async with world.engine.pull(image, LOGIN) as lines:
        records = [json.loads(line) for line in await read(lines)]

    assert all("status" in record for record in records)
    assert "Pulling from" in records[0]["status"]
    assert await world.engine.image_exists(image)


async def test_a_pull_without_the_right_login_is_refused(world: World) -> None:
    image = await world.offers("apps/9_app:1.0.0")

    for login in (None, Login("token", "wrong")):
        with pytest.raises(EngineFailed):
            async with world.engine.pull(image, login) as lines:
                await read(lines)

    assert not await world.engine.image_exists(image)


async def test_a_pull_of_what_the_registry_does_not_have_says_so(world: World) -> None:
    image = await world.offers("apps/9_app:1.0.0")

    with pytest.raises(ImageNotFound, match="manifest unknown"):
        async with world.engine.pull(f"{image}99", LOGIN) as lines:
            await read(lines)


async def test_a_pull_can_be_left_before_its_end(world: World) -> None:
    image = await world.offers("apps/9_app:1.0.0")

    async with world.engine.pull(image, LOGIN) as lines:
        first = await read(lines, 1)

    assert "Pulling from" in first[0]
    await world.engine.ping()


# --- logs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tty", [True, False])
async def test_a_log_is_followed_from_its_first_line_to_the_end_of_the_container(
    world: World, *, tty: bool
) -> None:
    image = await world.has_image("apps/9_app:1.0.0", prints=["one", "", "drei ä"], exits_with=0)
    await world.engine.create(spec(world, "prod_9_app", image, tty=tty))
    await world.engine.start("prod_9_app")

    async with world.engine.logs("prod_9_app", follow=True) as lines:
        found = await read(lines)

    assert found == ["one", "", "drei ä"]


async def test_the_log_of_a_silent_container_is_open_before_it_says_anything(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")

    async with asyncio.timeout(10), world.engine.logs("prod_9_app", follow=True) as lines:
        reading = asyncio.create_task(read(lines))
        await world.engine.stop("prod_9_app", 1)
        found = await reading

    assert found == []


async def test_a_log_may_be_bounded_by_lines_and_time(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0", prints=["one", "two", "three"], exits_with=0)
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")
    await until(world, "prod_9_app", "exited")
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    earlier = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async with world.engine.logs("prod_9_app", follow=False, tail="2") as lines:
        tail = await read(lines)
    async with world.engine.logs("prod_9_app", follow=False, since=later) as lines:
        future = await read(lines)
    async with world.engine.logs("prod_9_app", follow=False, until=earlier) as lines:
        past = await read(lines)
    async with world.engine.logs("prod_9_app", follow=False, since=earlier, until=later) as lines:
        window = await read(lines)

    assert tail == ["two", "three"]
    assert (future, past) == ([], [])
    assert window == ["one", "two", "three"]


async def test_lines_may_carry_their_time(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0", prints=["one"], exits_with=0)
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")
    await until(world, "prod_9_app", "exited")

    async with world.engine.logs("prod_9_app", follow=False, timestamps=True) as lines:
        found = await read(lines)

    when, _, text = found[0].partition(" ")
    assert text == "one"
    assert abs(datetime.fromisoformat(when) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_container_that_is_not_there_has_no_log(world: World) -> None:
    with pytest.raises(ContainerNotFound):
        async with world.engine.logs("prod_9_app", follow=True) as lines:
            await read(lines)


# --- events, and the end of streams -------------------------------------------------------------


async def test_events_tell_of_a_containers_life_in_order(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0", exits_with=0)

    seen: list[EngineEvent] = []
    async with asyncio.timeout(20), world.engine.events() as events:
        await world.engine.create(spec(world, "prod_9_app", image))
        await world.engine.start("prod_9_app")
        await until(world, "prod_9_app", "exited")
        await world.engine.remove("prod_9_app")
        async for event in events:
            seen.append(event)
            if event.action == "destroy":
                break

    assert [event.action for event in seen] == ["create", "start", "die", "destroy"]
    assert {event.container for event in seen} == {"prod_9_app"}
    assert all(event.labels["real"] == "True" for event in seen)


async def test_streams_end_when_the_engine_goes_away(world: World) -> None:
    if not world.can_go_down:
        pytest.skip("the engine was given; it is not ours to stop")
    image = await world.has_image("apps/9_app:1.0.0", prints=["one"])
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")

    async with (
        world.engine.events() as events,
        world.engine.logs("prod_9_app", follow=True) as lines,
    ):
        await world.go_down()
        async with asyncio.timeout(20):
            found = await read(lines)
            async for _ in events:
                pass
    await world.come_up()

    assert found == ["one"]


async def test_closing_ends_every_stream(world: World) -> None:
    image = await world.has_image("apps/9_app:1.0.0")
    await world.engine.create(spec(world, "prod_9_app", image))
    await world.engine.start("prod_9_app")

    async with (
        world.engine.events() as events,
        world.engine.logs("prod_9_app", follow=True) as lines,
    ):
        await world.engine.close()
        async with asyncio.timeout(5):
            found = await read(lines)
            async for _ in events:
                pass

    assert found == []


async def test_mounts_are_bound_read_write(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("data")
    image = await world.has_image("apps/9_app:1.0.0")
    mounts = (Mount(str(folder), "/data"),)

    await world.engine.create(spec(world, "prod_9_app", image, mounts=mounts))

    summaries = [
        summary
        for summary in await world.engine.list_containers()
        if summary["Names"] == ["/prod_9_app"]
    ]
    assert [
        (mount["Source"], mount["Destination"], mount["RW"])
        for summary in summaries
        if isinstance(found := summary["Mounts"], list)
        for mount in found
    ] == [(str(folder), "/data", True)]
