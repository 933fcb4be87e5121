"""adapters.localfile: a file that a person brings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reagent.adapters.localfile import LocalFiles
from reagent.errors import DownloadFailed

FILES = LocalFiles()


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


def test_a_note_is_read_whole_or_refused(tmp_path: Path) -> None:
    note = tmp_path / "reagent.sha256"
    note.write_bytes(b"abc\n")

    assert FILES.document(str(note), most=4) == b"abc\n"
    with pytest.raises(DownloadFailed, match="more than 3 bytes"):
        FILES.document(str(note), most=3)
    with pytest.raises(DownloadFailed, match="No such file"):
        FILES.document(str(tmp_path / "none"), most=3)
