"""A file on its way: what is no file, and how one goes on after a break."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from reagent.adapters.http.download import BLOCK, MOST_BREAKS
from reagent.adapters.http.downloads import HttpDownloads
from reagent.contracts.downloads import Block, Part
from reagent.errors import DownloadFailed
from tests.unit.adapters.http.conftest import Server, head

CONTENT = secrets.token_bytes(100_000)
SIZE = len(CONTENT)
ETAG = '"abc"'


async def fetch(downloads: HttpDownloads, url: str, blocks: list[Block] | None = None) -> bytes:
    content = bytearray(SIZE)
    async with downloads.file(url) as download:
        async for block in download.blocks():
            content[block.offset : block.offset + len(block.content)] = block.content
            if blocks is not None:
                blocks.append(block)
    return bytes(content)


def part(server: Server, begin: int, end: int | None = None, *, etag: str = ETAG) -> None:
    """Answer with a range, or what breaks off of it."""
    content_range = f"bytes {begin}-{SIZE - 1}/{SIZE}"
    answer = head(206, SIZE - begin, content_range=content_range, etag=etag)
    server.sends(answer + CONTENT[begin:end])


def breaks_off(server: Server, at: int, *, etag: str = ETAG) -> None:
    server.sends(head(200, SIZE, etag=etag) + CONTENT[:at])


# --- what is no file


async def test_a_page_without_a_length(server: Server, downloads: HttpDownloads) -> None:
    server.sends(head(200, None, content_type="text/html") + b"<html>welcome</html>")

    with pytest.raises(DownloadFailed, match="says no length; it is text/html"):
        await fetch(downloads, server.url)


async def test_a_file_in_chunks(server: Server, downloads: HttpDownloads) -> None:
    server.sends(head(200, None, transfer_encoding="chunked") + b"1\r\nx\r\n0\r\n\r\n")

    with pytest.raises(DownloadFailed, match="says no length"):
        await fetch(downloads, server.url)


async def test_a_file_that_is_packed_on_the_way(server: Server, downloads: HttpDownloads) -> None:
    server.answers(200, CONTENT, content_encoding="gzip")

    with pytest.raises(DownloadFailed, match="says no length"):
        await fetch(downloads, server.url)


@pytest.mark.parametrize("length", ["-1", "1e3", "\u00b2", "many", ""])
async def test_a_length_that_is_none(server: Server, downloads: HttpDownloads, length: str) -> None:
    server.sends(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nxyz".encode("latin-1"))

    with pytest.raises(DownloadFailed):
        await fetch(downloads, server.url)


async def test_what_comes_behind_the_length_is_not_the_file(
    server: Server, downloads: HttpDownloads
) -> None:
    server.sends(head(200, SIZE) + CONTENT + b"more")

    assert await fetch(downloads, server.url) == CONTENT


# --- going on


async def test_a_large_file_comes_in_large_blocks(server: Server, downloads: HttpDownloads) -> None:
    content = secrets.token_bytes(3 * BLOCK + 5)
    server.answers(200, content)

    async with downloads.file(server.url) as download:
        blocks = [block async for block in download.blocks()]

    assert b"".join(block.content for block in blocks) == content
    assert len(blocks) <= 4
    assert all(len(block.content) >= BLOCK for block in blocks[:-1])


async def test_a_broken_file_goes_on_where_it_stopped(
    server: Server, downloads: HttpDownloads
) -> None:
    breaks_off(server, 60_000)
    part(server, 60_000)
    blocks: list[Block] = []

    assert await fetch(downloads, server.url, blocks) == CONTENT

    assert [block.offset for block in blocks] == [0, 60_000]
    assert server.header("range") == "bytes=60000-"
    assert server.header("if-range") == ETAG


async def test_a_file_may_break_some_times(server: Server, downloads: HttpDownloads) -> None:
    breaks_off(server, 10_000)
    for begin in range(10_000, 80_000, 10_000):
        part(server, begin, begin + 10_000)
    part(server, 80_000)

    assert await fetch(downloads, server.url) == CONTENT
    assert len(server.requests) == 9


async def test_a_file_that_breaks_all_the_time_is_given_up(
    server: Server, downloads: HttpDownloads
) -> None:
    breaks_off(server, 1000)
    for begin in range(1000, 21_000, 1000):
        part(server, begin, begin + 1000)

    with pytest.raises(DownloadFailed, match=f"ended early; 9000 of {SIZE} bytes came"):
        await fetch(downloads, server.url)

    assert len(server.requests) == MOST_BREAKS + 1


async def test_connections_that_bring_nothing_are_given_up_soon(
    server: Server, downloads: HttpDownloads
) -> None:
    breaks_off(server, 60_000)
    part(server, 60_000, 60_000)

    with pytest.raises(DownloadFailed, match="ended early; 60000 of"):
        await fetch(downloads, server.url)

    assert len(server.requests) == 3


@pytest.mark.parametrize("etag", ["", 'W/"abc"'])
async def test_without_a_strong_name_it_starts_over(
    server: Server, downloads: HttpDownloads, etag: str
) -> None:
    breaks_off(server, 60_000, etag=etag)
    server.answers(200, CONTENT, etag=etag)
    blocks: list[Block] = []

    assert await fetch(downloads, server.url, blocks) == CONTENT

    assert [block.offset for block in blocks] == [0, 0]
    assert server.header("range") == ""


async def test_a_server_without_ranges_is_started_over(
    server: Server, downloads: HttpDownloads
) -> None:
    breaks_off(server, 60_000)
    server.answers(200, CONTENT, etag=ETAG)

    assert await fetch(downloads, server.url) == CONTENT


async def test_it_starts_over_only_once(server: Server, downloads: HttpDownloads) -> None:
    breaks_off(server, 60_000, etag="")

    with pytest.raises(DownloadFailed, match="ended early; 60000 of"):
        await fetch(downloads, server.url)

    assert len(server.requests) == 2


async def test_another_file_is_not_put_behind_this_one(
    server: Server, downloads: HttpDownloads
) -> None:
    breaks_off(server, 60_000)
    server.answers(200, secrets.token_bytes(SIZE), etag='"new"')

    with pytest.raises(DownloadFailed, match="changed while it was fetched"):
        await fetch(downloads, server.url)


@pytest.mark.parametrize(
    ("content_range", "etag"),
    [
        (f"bytes 50000-{SIZE - 1}/{SIZE}", ETAG),
        (f"bytes 60000-{SIZE}/{SIZE + 1}", ETAG),
        ("bytes 60000-60009/*", ETAG),
        ("", ETAG),
        (f"bytes 60000-{SIZE - 1}/{SIZE}", '"new"'),
    ],
)
async def test_a_range_that_was_not_asked_for_is_refused(
    server: Server, downloads: HttpDownloads, content_range: str, etag: str
) -> None:
    breaks_off(server, 60_000)
    server.answers(206, CONTENT[60_000:], content_range=content_range, etag=etag)

    with pytest.raises(DownloadFailed, match="does not go on where it stopped"):
        await fetch(downloads, server.url)


async def test_an_error_in_between_is_the_end(server: Server, downloads: HttpDownloads) -> None:
    breaks_off(server, 60_000)
    server.answers(503)

    with pytest.raises(DownloadFailed, match="answers 503, not 200"):
        await fetch(downloads, server.url)


async def test_a_server_that_is_away_for_a_moment_is_waited_for(
    server: Server, downloads: HttpDownloads
) -> None:
    breaks_off(server, 60_000)
    content = bytearray()

    async with downloads.file(server.url) as download:
        async for block in download.blocks():
            content += block.content
            if block.offset == 0:
                await server.stop()
                server._answers.clear()
                part(server, 60_000)
                await server.start()

    assert content == CONTENT


async def test_who_takes_long_over_a_block_still_goes_on_after_a_break(
    server: Server, downloads: HttpDownloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_off(server, 60_000)
    part(server, 60_000)
    content = bytearray()
    loop = asyncio.get_running_loop()
    time = loop.time

    async with downloads.file(server.url) as download:
        async for block in download.blocks():
            content += block.content
            monkeypatch.setattr(loop, "time", lambda: time() + 100.0)

    assert content == CONTENT


# --- going on behind what an earlier process left

LEFT = 40_000


async def behind(downloads: HttpDownloads, url: str) -> tuple[int, bytes]:
    """Where it begins, and what comes."""
    content = bytearray()
    async with downloads.file(url, part=Part(LEFT, SIZE, ETAG)) as download:
        async for block in download.blocks():
            assert block.offset == download.begins + len(content)
            content += block.content
        assert (download.length, download.mark) == (SIZE, ETAG)
        return download.begins, bytes(content)


@pytest.mark.parametrize("etag", [ETAG, ""])
async def test_only_what_is_behind_a_part_is_asked_for(
    server: Server, downloads: HttpDownloads, etag: str
) -> None:
    part(server, LEFT, etag=etag)

    assert await behind(downloads, server.url) == (LEFT, CONTENT[LEFT:])

    assert server.header("range") == f"bytes={LEFT}-"
    assert server.header("if-range") == ETAG
    assert len(server.requests) == 1


async def test_what_is_behind_a_part_may_break_off_like_anything(
    server: Server, downloads: HttpDownloads
) -> None:
    part(server, LEFT, 70_000)
    part(server, 70_000)

    assert await behind(downloads, server.url) == (LEFT, CONTENT[LEFT:])

    assert server.header("range") == "bytes=70000-"


async def test_a_server_that_sends_all_of_it_is_taken_at_its_word(
    server: Server, downloads: HttpDownloads
) -> None:
    server.answers(200, CONTENT, etag=ETAG)

    assert await behind(downloads, server.url) == (0, CONTENT)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "content_range", "etag"),
    [
        (206, f"bytes {LEFT + 1}-{SIZE - 1}/{SIZE}", ETAG),
        (206, f"bytes {LEFT}-{SIZE}/{SIZE + 1}", ETAG),
        (206, f"bytes {LEFT}-{LEFT + 9}/*", ETAG),
        (206, f"bytes {LEFT}-{SIZE - 1}/{SIZE}", '"new"'),
        (206, "", ETAG),
        (400, "", ""),
        (412, "", ""),
        (416, f"bytes */{LEFT}", ""),
        (501, "", ""),
        (503, "", ""),
    ],
)
async def test_no_answer_to_that_holds_a_device_up(
    server: Server, downloads: HttpDownloads, status: int, content_range: str, etag: str
) -> None:
    server.answers(status, CONTENT[LEFT:], content_range=content_range, etag=etag)
    server.answers(200, CONTENT, etag=ETAG)

    assert await behind(downloads, server.url) == (0, CONTENT)

    assert server.header("range") == ""
    assert len(server.requests) == 2


async def test_a_server_that_is_in_trouble_says_so_without_a_part_too(
    server: Server, downloads: HttpDownloads
) -> None:
    server.answers(503)

    with pytest.raises(DownloadFailed, match="answers 503, not 200"):
        await behind(downloads, server.url)


# --- silence


async def test_a_stalled_file_is_given_up(server: Server, downloads: HttpDownloads) -> None:
    server.sends(head(200, SIZE) + CONTENT[:50_000], then_silent=True)

    with pytest.raises(DownloadFailed, match=r"no more of it within 0\.3 s; 50000 of"):
        await fetch(downloads, server.url)


async def test_a_file_that_stalls_once_goes_on(server: Server, downloads: HttpDownloads) -> None:
    server.sends(head(200, SIZE, etag=ETAG) + CONTENT[:50_000], then_silent=True)
    part(server, 50_000)

    assert await fetch(downloads, server.url) == CONTENT


async def test_a_file_that_drips_is_given_up(server: Server, downloads: HttpDownloads) -> None:
    server.sends(head(200, SIZE), *[b"x"] * 1000, every=0.01)

    with pytest.raises(DownloadFailed, match="too slowly"):
        await fetch(downloads, server.url)


async def test_leaving_in_the_middle_hangs_up(server: Server, downloads: HttpDownloads) -> None:
    server.sends(head(200, 10 * BLOCK), bytes(2 * BLOCK), then_silent=True)

    async with downloads.file(server.url) as download:
        async for _ in download.blocks():
            break

    await server.gone()
