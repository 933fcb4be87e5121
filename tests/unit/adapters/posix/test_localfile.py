"""adapters.localfile: a file that a person brings."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reagent.adapters.localfile import LocalFiles
from reagent.adapters.threads import Threads
from reagent.errors import DownloadFailed, TooSlow
from reagent.settings.opening import read_at
from tests.fakes.hung_mount import hung

FILES = LocalFiles()
# Not for speed: what is asked of a mount that hangs never comes.
SOON = 0.1


async def test_a_file_comes_whole_in_blocks_that_follow_each_other(tmp_path: Path) -> None:
    content = os.urandom(700_000)
    file = tmp_path / "reagent"
    file.write_bytes(content)

    async with FILES.file(str(file)) as download:
        blocks = [block async for block in download.blocks()]

    assert download.length == len(content)
    assert b"".join(block.content for block in blocks) == content
    assert [block.offset for block in blocks] == [0, 1 << 18, 2 << 18]


async def test_a_file_that_becomes_shorter_meanwhile_is_a_failed_download(tmp_path: Path) -> None:
    file = tmp_path / "reagent"
    file.write_bytes(b"x" * 700_000)

    async with FILES.file(str(file)) as download:
        blocks = download.blocks()
        await anext(blocks)
        os.truncate(file, 10)

        with pytest.raises(DownloadFailed, match="became shorter"):
            await anext(blocks)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda _: None, "No such file"),
        (lambda path: path.mkdir(), "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: path.write_bytes(b""), "has 0 bytes"),
        (lambda path: path.write_bytes(b"x" * 11), "has 11 bytes"),
    ],
)
async def test_what_is_no_file_of_a_fitting_size_is_refused_at_once(
    tmp_path: Path, make: object, why: str
) -> None:
    path = tmp_path / "reagent"
    make(path)  # type: ignore[operator]

    with pytest.raises(DownloadFailed, match=why):
        async with FILES.file(str(path), most=10):
            pass


async def test_a_note_is_read_whole_or_refused(tmp_path: Path) -> None:
    note = tmp_path / "reagent.sha256"
    note.write_bytes(b"abc\n")

    assert await FILES.document(str(note), most=4) == b"abc\n"
    with pytest.raises(DownloadFailed, match="more than 3 bytes"):
        await FILES.document(str(note), most=3)
    with pytest.raises(DownloadFailed, match="No such file"):
        await FILES.document(str(tmp_path / "none"), most=3)


@pytest.mark.parametrize("path", ["/tmp/a\0b", "/tmp/\ud800", "/" + "x" * 300])
async def test_what_can_be_no_path_is_a_failed_download(path: str) -> None:
    with pytest.raises(DownloadFailed):
        await FILES.document(path, most=3)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "stick"
    folder.mkdir()
    with ExitStack() as held:
        try:
            held.enter_context(hung(folder))
        except OSError as error:
            pytest.skip(f"no file system of ours can be mounted here: {error}")
        yield folder


async def test_a_mount_that_hangs_is_given_up_and_keeps_nobody_else_waiting(
    tmp_path: Path, mount: Path
) -> None:
    files = LocalFiles(within=SOON, threads=Threads("stick"))
    note = tmp_path / "note"
    note.write_bytes(b"abc")

    with pytest.raises(TooSlow, match="nothing came for"):
        async with files.file(str(mount / "reagent")):
            pass
    with pytest.raises(TooSlow):
        await files.document(str(mount / "reagent.sha256"), most=3)

    assert await LocalFiles(threads=files.threads).document(str(note), most=3) == b"abc"


async def test_many_that_hang_cost_a_few_threads_and_no_more(mount: Path) -> None:
    files = LocalFiles(within=SOON, threads=Threads("held up", limit=2))

    for _ in range(5):
        with pytest.raises(TooSlow):
            await files.document(str(mount / "reagent"), most=3)

    assert [each.name for each in threading.enumerate()].count("held up") == 2


async def test_a_read_that_hangs_is_given_up_and_its_file_closed_once_it_returns(
    tmp_path: Path,
) -> None:
    file = tmp_path / "reagent"
    file.write_bytes(b"x" * 700_000)
    hangs, closed = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    held: list[int] = []

    def read(descriptor: int, size: int, offset: int) -> bytes:
        if offset:
            held.append(descriptor)
            hangs.wait()
        return read_at(descriptor, size, offset)

    def close(descriptor: int) -> None:
        os.close(descriptor)
        loop.call_soon_threadsafe(closed.set)

    files = LocalFiles(within=SOON, threads=Threads("stick"), read=read, close=close)
    async with files.file(str(file)) as download:
        blocks = download.blocks()
        await anext(blocks)
        with pytest.raises(TooSlow):
            await anext(blocks)

    os.fstat(held[0])
    assert not closed.is_set()
    hangs.set()
    await asyncio.wait_for(closed.wait(), 10)
