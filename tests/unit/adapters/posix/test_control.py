"""adapters.posix.control: where the socket lies, and who may open it; tests/contract has the rest."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reagent.adapters.control import NobodyThere
from reagent.adapters.posix.control import NAME, order, taking_orders
from reagent.contracts.control import Plain
from reagent.errors import Unavailable
from tests.fakes.desk import FakeDesk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[FakeDesk]:
    desk = FakeDesk()
    async with taking_orders((str(tmp_path),), lambda: desk):
        yield desk


async def told(folder: Path, word: str, **arguments: object) -> list[tuple[bool, Plain]]:
    """Give an order as a command does: from another thread, as it waits for each line."""
    return await asyncio.to_thread(lambda: list(order((str(folder),), word, arguments)))


async def test_only_its_owner_may_open_it(desk: FakeDesk, tmp_path: Path) -> None:
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert desk.orders == []


async def test_its_file_is_gone_with_the_agent(tmp_path: Path) -> None:
    async with taking_orders((str(tmp_path),), FakeDesk):
        assert (tmp_path / NAME).exists()

    assert not (tmp_path / NAME).exists()


async def test_the_socket_of_an_agent_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / NAME))

    async with taking_orders((str(tmp_path),), FakeDesk):
        said = await told(tmp_path, "go")

    assert said[-1] == (True, {"text": "done"})


async def test_the_next_folder_is_taken_where_the_first_cannot_be(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    long = tmp_path / ("x" * 100)
    await asyncio.to_thread(os.mkdir, long)

    async with taking_orders((nowhere, str(long), str(tmp_path)), FakeDesk):
        assert (tmp_path / NAME).exists()


async def test_without_a_place_the_agent_does_without(tmp_path: Path) -> None:
    async with taking_orders((str(tmp_path / "nowhere"),), FakeDesk):
        with pytest.raises(NobodyThere):
            await told(tmp_path, "go")


async def test_an_agent_that_ends_before_it_answers_is_told(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(hang_up, str(tmp_path / NAME)):
        with pytest.raises(Unavailable):
            await told(tmp_path, "go")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_told_that_it_is_root_s_not_that_nobody_is_there(
    desk: FakeDesk, tmp_path: Path
) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(Unavailable, match="only root"):
            list(order((str(tmp_path),), "status", {}))
    finally:
        os.seteuid(0)

    assert desk.orders == []
