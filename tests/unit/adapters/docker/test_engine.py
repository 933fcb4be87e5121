"""What the engine's answers mean, where a real engine would not show it on demand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from urllib.parse import unquote

import pytest

from reagent.adapters.docker.engine import DockerEngine
from reagent.contracts.engine import EngineEvent, Lines, PortBinding, Pruned
from reagent.errors import ContainerNotFound, EngineFailed, EngineUnavailable, ImageNotFound
from reagent.model.app import Login
from tests.unit.adapters.docker.conftest import Words, chunks, head

FULL_ID = "ab" * 32


@pytest.fixture
async def engine(words: Words) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(words.address, environment={}, now=lambda: 1_900_000_000.5)
    yield made
    await made.close()


def document(name: str = "prod_1_app", **more: object) -> dict[str, object]:
    return {"Id": FULL_ID, "Name": f"/{name}", "State": {"Status": "running"}, **more}


async def drain(stream: AbstractAsyncContextManager[Lines], into: list[str] | None = None) -> None:
    async with stream as lines:
        async for batch in lines:
            if into is not None:
                into += batch


async def test_a_document_with_holes_is_read_as_far_as_it_goes(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json(document(HostConfig=None, Config={"Labels": None}))

    seen = await engine.inspect("prod_1_app")

    assert (seen.status, seen.exit_code, seen.error) == ("running", 0, "")
    assert (seen.tty, seen.labels, seen.bindings) == (False, {}, ())


async def test_of_a_ports_bindings_the_one_on_all_addresses_comes_first(
    words: Words, engine: DockerEngine
) -> None:
    published = {
        "80/tcp": [
            {"HostIp": "10.0.0.1", "HostPort": "41000"},
            {"HostIp": "", "HostPort": "40001"},
            {"HostIp": "10.0.0.2", "HostPort": "40001"},
            {"HostIp": "", "HostPort": ""},
        ],
        "53/udp": None,
    }
    words.answer_json(document(HostConfig={"PortBindings": published}))

    seen = await engine.inspect("prod_1_app")

    assert seen.bindings == (PortBinding(80, "tcp", 40001), PortBinding(80, "tcp", 41000))


async def test_a_container_that_is_being_removed_has_no_log(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json(document())
    refusal = "can not get logs from container which is dead or marked for removal"
    words.answer_json({"message": refusal}, "409 Conflict")

    with pytest.raises(ContainerNotFound, match="marked for removal"):
        async with engine.logs("prod_1_app", follow=False):
            pass


async def test_a_log_that_breaks_off_is_an_error_unless_it_is_followed(
    words: Words, engine: DockerEngine
) -> None:
    words.closing = True
    found: list[str] = []
    for _ in range(2):
        words.answer_json(document(Config={"Tty": True}))
        words.answer(head() + chunks([b"half"], end=False))

    with pytest.raises(EngineUnavailable):
        await drain(engine.logs("prod_1_app", follow=False))
    await drain(engine.logs("prod_1_app", follow=True), found)

    assert found == ["half"]


async def test_bounds_of_a_log_go_out_as_seconds(words: Words, engine: DockerEngine) -> None:
    words.answer_json(document(Config={"Tty": True}))
    words.answer(head() + chunks([]))

    async with engine.logs(
        "prod_1_app", follow=False, since="2026-01-01T00:00:00Z", until="1767225601"
    ):
        pass

    assert "since=1767225600.000000000" in words.requests[-1]
    assert "until=1767225601" in words.requests[-1]


async def test_half_a_pull_is_not_taken_for_a_whole_one(words: Words, engine: DockerEngine) -> None:
    words.closing = True
    words.answer(head() + chunks([b'{"status":"Pulling"}\r\n'], end=False))
    found: list[str] = []

    with pytest.raises(EngineUnavailable, match="went away"):
        await drain(engine.pull("r:5000/a:1", None), found)

    assert found == ['{"status":"Pulling"}']


async def test_a_login_travels_in_a_header_and_nowhere_else(
    words: Words, engine: DockerEngine
) -> None:
    words.answer(head() + chunks([]), head() + chunks([]))

    async with engine.pull("r:5000/a:1", Login("tøken", "se>>?cret")):
        pass
    async with engine.pull("r:5000/a", None):
        pass

    sent = words.headers[-2].partition("X-Registry-Auth: ")[2].partition("\r\n")[0]
    assert json.loads(base64.urlsafe_b64decode(sent)) == {
        "username": "tøken",
        "password": "se>>?cret",
    }
    assert words.requests[-2:] == [
        "POST /v1.41/images/create?fromImage=r%3A5000%2Fa&tag=1",
        "POST /v1.41/images/create?fromImage=r%3A5000%2Fa&tag=latest",
    ]
    assert "X-Registry-Auth" not in words.headers[-1]


async def test_an_unknown_image_is_told_from_a_broken_registry(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json({"message": "pull access denied for a"}, "404 Not Found")
    words.answer_json({"message": "unauthorized: no"}, "500 Internal Server Error")

    for kind, text in ((ImageNotFound, "pull access denied"), (EngineFailed, "unauthorized: no")):
        with pytest.raises(kind, match=text):
            async with engine.pull("r:5000/a:1", None):
                pass


async def test_events_carry_labels_without_what_the_engine_adds(
    words: Words, engine: DockerEngine
) -> None:
    attributes = {"name": "prod_1_app", "image": "i", "exitCode": "3", "real": "True"}
    event = {"Type": "container", "Action": "die", "Actor": {"Attributes": attributes}}
    words.answer(head() + chunks([json.dumps(event).encode() + b"\n", b"not json\n", b"[]\n"]))

    async with engine.events() as events:
        found = [event async for event in events]

    assert found == [EngineEvent("die", "prod_1_app", {"real": "True"})]
    assert "since=1900000000.500000000" in words.requests[-1]


async def test_short_calls_are_answered_while_many_pulls_hang(
    words: Words, engine: DockerEngine
) -> None:
    async def hang(number: int) -> None:
        async with engine.pull(f"r:5000/a:{number}", None):
            pass

    pulls = [asyncio.create_task(hang(number)) for number in range(10)]
    while len(words.requests) < 11:  # ten requests and a ping are on their way
        await asyncio.sleep(0)
    words.answer_json(document())

    async with asyncio.timeout(20):
        seen = await engine.inspect("prod_1_app")
    for pull in pulls:
        pull.cancel()
    await asyncio.gather(*pulls, return_exceptions=True)

    assert seen.name == "prod_1_app"


async def test_a_refused_start_of_a_missing_network_is_no_missing_container(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json({"message": "network prod_1 not found"}, "404 Not Found")

    with pytest.raises(EngineFailed, match="network prod_1 not found"):
        await engine.start("prod_1_app")


async def test_a_removal_under_way_is_waited_for(words: Words, engine: DockerEngine) -> None:
    gone = {"message": "No such container: x"}
    words.answer_json(document())
    words.answer_json(
        {"message": "removal of container prod_1_app is already in progress"}, "409 Conflict"
    )
    words.answer_json(document())
    words.answer_json(gone, "404 Not Found")

    await engine.remove("prod_1_app")

    assert [request.partition("?")[0].split("/")[0] for request in words.requests[1:]] == [
        "GET ",
        "DELETE ",
        "GET ",
        "GET ",
    ]
    assert "force=True" in words.requests[2] or "force=1" in words.requests[2]


async def test_a_removal_that_fails_says_why(words: Words, engine: DockerEngine) -> None:
    words.answer_json(document())
    words.answer_json({"message": "device or resource busy"}, "500 Internal Server Error")

    with pytest.raises(EngineFailed, match="device or resource busy"):
        await engine.remove("prod_1_app")


async def test_what_a_tag_left_behind_when_it_moved_on_is_removed_too(
    words: Words, engine: DockerEngine
) -> None:
    digest = f"r:5000/a@sha256:{FULL_ID}"
    words.answer_json(
        [
            {"Id": "1", "RepoTags": ["r:5000/a:1", "b:1"], "RepoDigests": [digest]},
            {"Id": "2", "RepoTags": None, "RepoDigests": [digest]},
            {"Id": "3", "RepoTags": ["r:5000/ab:1"], "RepoDigests": []},
        ]
    )
    words.answer_json([])
    words.answer_json({"message": "No such image: x"}, "404 Not Found")

    await engine.remove_images("r:5000/a")

    removed = [request for request in words.requests if request.startswith("DELETE")]
    assert [unquote(line.partition("?")[0]).partition("images/")[2] for line in removed] == [
        "r:5000/a:1",
        digest,
    ]


async def test_an_image_found_by_the_beginning_of_its_id_does_not_exist(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json({"Id": "sha256:abcd", "RepoTags": ["other:1"], "RepoDigests": None})

    assert not await engine.image_exists("abcd")


async def test_unused_things_are_thrown_away_in_the_order_that_frees_the_most(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json({"ContainersDeleted": ["c1"], "SpaceReclaimed": 1})
    words.answer_json({"NetworksDeleted": None})
    words.answer_json({"VolumesDeleted": ["v1"], "SpaceReclaimed": 20})
    records = [{"Untagged": "r/a:1"}, {"Deleted": "sha256:1"}]
    words.answer_json({"ImagesDeleted": records, "SpaceReclaimed": 300})
    words.answer_json({"CachesDeleted": ["b1"], "SpaceReclaimed": 4000})

    pruned = await engine.prune_unused()

    assert pruned == Pruned(
        containers=("c1",),
        volumes=("v1",),
        images=("untagged: r/a:1", "deleted: sha256:1"),
        cache=("b1",),
        size=4321,
    )
    assert [unquote(request) for request in words.requests[1:]] == [
        "POST /v1.41/containers/prune",
        "POST /v1.41/networks/prune",
        "POST /v1.41/volumes/prune",
        'POST /v1.41/images/prune?filters={"dangling":+["false"]}',
        "POST /v1.41/build/prune?all=1",
    ]


async def test_an_engine_that_builds_nothing_has_no_cache_to_throw_away(
    words: Words, engine: DockerEngine
) -> None:
    for _ in range(4):
        words.answer_json({})
    words.answer_json({"message": "page not found"}, "404 Not Found")

    assert await engine.prune_unused() == Pruned()


async def test_a_step_that_is_refused_ends_the_clean_up(words: Words, engine: DockerEngine) -> None:
    words.answer_json({"message": "a prune operation is already running"}, "409 Conflict")

    with pytest.raises(EngineFailed, match="already running"):
        await engine.prune_unused()

    assert len(words.requests) == 2


async def test_only_images_without_a_name_are_thrown_away_when_no_more_is_asked_for(
    words: Words, engine: DockerEngine
) -> None:
    words.answer_json({"ImagesDeleted": None, "SpaceReclaimed": 0})

    await engine.prune_dangling()

    assert [unquote(request) for request in words.requests[1:]] == [
        'POST /v1.41/images/prune?filters={"dangling":+["true"]}'
    ]
