"""Documents and files from a bucket: in memory, and over HTTP from a real server on loopback."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent.adapters.http.download import Patience
from reagent.adapters.http.downloads import HttpDownloads
from reagent.contracts.downloads import Downloads, Part
from reagent.errors import DownloadFailed, NotThere, TooLong
from sandbox.bucket import Bucket
from sandbox.bucket_faults import Fault
from tests.fakes.downloads import FakeDownloads

NAME = "re-agent/linux/amd64/1.0.1/reagent"
CONTENT = secrets.token_bytes(700_000)


class World(ABC):
    """Something that holds objects, and what reads them."""

    downloads: Downloads
    url: str

    @abstractmethod
    def put(self, content: bytes) -> None:
        """Lies at `url` from now on."""

    @abstractmethod
    def break_off(self) -> None:
        """It never comes whole."""


class InMemory(World):
    def __init__(self) -> None:
        self.downloads = self.bucket = FakeDownloads()
        self.url = f"http://bucket/{NAME}"

    def put(self, content: bytes) -> None:
        self.bucket.put(self.url, content)

    def break_off(self) -> None:
        self.bucket.break_at(self.url, len(CONTENT) // 2)


class OverHttp(World):
    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.downloads = HttpDownloads({}, Patience(step=5.0, silence=0.5, pause=0.01))
        self.url = f"{bucket.url}/{NAME}"

    def put(self, content: bytes) -> None:
        self.bucket.put(NAME.removeprefix("re-agent/"), content)

    def break_off(self) -> None:
        self.bucket.break_with(Fault.HALF_A_FILE)


@pytest.fixture(params=["memory", "http"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "memory":
        yield InMemory()
        return
    with Bucket(tmp_path) as bucket:
        yield OverHttp(bucket)


async def fetched(world: World, there: bytes = b"", part: Part | None = None) -> bytes:
    """The file, put together behind what is there as the blocks say."""
    content = bytearray()
    async with world.downloads.file(world.url, part=part) as download:
        assert download.length > 0
        assert download.begins in {0, len(there)}
        content += there[: download.begins]
        async for block in download.blocks():
            assert block.offset in {0, len(content)}
            del content[block.offset :]
            content += block.content
        assert len(content) == download.length
    return bytes(content)


async def test_a_document_comes_as_it_lies_there(world: World) -> None:
    world.put(b"1.0.1\n")

    assert await world.downloads.document(world.url, most=1024) == b"1.0.1\n"


async def test_an_empty_document_is_empty(world: World) -> None:
    world.put(b"")

    assert await world.downloads.document(world.url, most=1024) == b""


async def test_a_document_that_is_too_long_is_refused(world: World) -> None:
    world.put(b"x" * 1025)

    with pytest.raises(TooLong, match="more than 1024 bytes"):
        await world.downloads.document(world.url, most=1024)


async def test_what_is_not_there_is_refused_with_its_status(world: World) -> None:
    with pytest.raises(NotThere, match=f"{NAME} answers 404"):
        await world.downloads.document(world.url, most=1024)
    with pytest.raises(NotThere, match=f"{NAME} answers 404"):
        async with world.downloads.file(world.url):
            pass


async def test_a_file_comes_whole(world: World) -> None:
    world.put(CONTENT)

    assert await fetched(world) == CONTENT


async def test_a_file_can_be_fetched_again(world: World) -> None:
    world.put(CONTENT)
    await fetched(world)

    assert await fetched(world) == CONTENT


async def test_an_empty_file_is_none(world: World) -> None:
    world.put(b"")

    with pytest.raises(DownloadFailed, match="is empty"):
        await fetched(world)


async def test_a_file_that_is_too_large_is_refused_before_its_content(world: World) -> None:
    world.put(CONTENT)

    with pytest.raises(TooLong, match="700000 bytes, more than 699999"):
        async with world.downloads.file(world.url, most=len(CONTENT) - 1):
            pass


async def test_a_file_that_breaks_off_is_an_error(world: World) -> None:
    world.put(CONTENT)
    world.break_off()

    with pytest.raises(DownloadFailed):
        await fetched(world)


async def marked(world: World) -> str:
    """What tells the file that lies there now from others."""
    async with world.downloads.file(world.url) as download:
        assert download.begins == 0
        return download.mark


@pytest.mark.parametrize("size", [1, 300_000, len(CONTENT) - 1])
async def test_a_file_goes_on_behind_the_part_that_is_there(world: World, size: int) -> None:
    world.put(CONTENT)
    part = Part(size, len(CONTENT), await marked(world))

    assert await fetched(world, b"x" * size, part) == b"x" * size + CONTENT[size:]


async def test_a_part_of_another_file_is_not_gone_on_with(world: World) -> None:
    world.put(CONTENT)
    part = Part(300_000, len(CONTENT), await marked(world))
    world.put(CONTENT[::-1])

    assert await fetched(world, b"x" * 300_000, part) == CONTENT[::-1]


async def test_a_part_of_a_file_of_another_length_is_not_gone_on_with(world: World) -> None:
    world.put(CONTENT)
    part = Part(300_000, len(CONTENT) + 1, await marked(world))

    assert await fetched(world, b"x" * 300_000, part) == CONTENT


async def test_what_is_not_there_any_more_is_refused_with_a_part_too(world: World) -> None:
    with pytest.raises(NotThere, match=f"{NAME} answers 404"):
        await fetched(world, b"", Part(300_000, len(CONTENT), '"mark"'))


async def test_a_part_of_a_file_that_is_too_large_does_not_help_it(world: World) -> None:
    world.put(CONTENT)
    part = Part(300_000, len(CONTENT), await marked(world))

    with pytest.raises(TooLong, match="700000 bytes, more than 699999"):
        async with world.downloads.file(world.url, most=len(CONTENT) - 1, part=part):
            pass
