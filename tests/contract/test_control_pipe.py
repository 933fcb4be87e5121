"""What a pipe is beyond what carries orders elsewhere: whose it is, and how long it is waited for.

tests/targets/test_windows_pipes.py runs this, and test_control.py, under wine.
"""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import re
import sys

import pytest

if sys.platform != "win32":
    pytest.skip("there are no named pipes here", allow_module_level=True)

import _winapi
import asyncio
import ctypes
from ctypes import wintypes
from pathlib import Path

from reagent.adapters.control import NobodyThere
from reagent.adapters.windows.control import name, order, taking_orders
from reagent.adapters.windows.pipes import Line
from reagent.contracts.control import News, Plain
from reagent.errors import Unavailable


class Desk:
    """Does what it is told."""

    async def obey(self, _order: str, _arguments: Plain, _news: News) -> Plain:
        return {"text": "done"}


async def told(folder: Path) -> list[tuple[bool, Plain]]:
    return await asyncio.to_thread(lambda: list(order((str(folder),), "go", {})))


def test_a_folder_is_the_same_in_capitals(tmp_path: Path) -> None:
    assert name(str(tmp_path).upper()) == name(str(tmp_path).lower())


def descriptor(pipe: str) -> str:
    """Who owns a pipe and who may open it, in Windows' own words."""
    advapi32 = ctypes.WinDLL("advapi32")
    found, words = wintypes.LPVOID(), wintypes.LPWSTR()
    what = 0x1 | 0x4  # the owner, and whom it lets in
    how = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
    handle = _winapi.CreateFile(pipe, how, 0, 0, _winapi.OPEN_EXISTING, 0, 0)
    try:
        file = wintypes.HANDLE(handle)
        none = (None,) * 4
        assert not advapi32.GetSecurityInfo(file, 6, what, *none, ctypes.byref(found))
    finally:
        _winapi.CloseHandle(handle)
    told = advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW
    assert told(found, 1, what, ctypes.byref(words), None)
    return str(words.value)


async def test_a_pipe_is_open_to_system_and_administrators_alone(tmp_path: Path) -> None:
    async with taking_orders((str(tmp_path),), Desk):
        said = await asyncio.to_thread(descriptor, name(str(tmp_path)))
        await told(tmp_path)
        again = await asyncio.to_thread(descriptor, name(str(tmp_path)))

    owner, _, access = said.partition("D:")
    assert owner == "O:BA"
    assert re.fullmatch(r"P?(\(A;;(GA|FA|0x[0-9a-f]+);;;(SY|BA)\)){2}", access), said
    assert again == said


async def test_a_second_agent_of_a_folder_does_without(tmp_path: Path) -> None:
    async with taking_orders((str(tmp_path),), Desk):
        async with taking_orders((str(tmp_path),), Desk):
            pass

        assert (await told(tmp_path))[-1] == (True, {"text": "done"})


async def test_a_pipe_that_somebody_else_made_is_neither_used_nor_asked(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.ProactorEventLoop):
        raise TypeError("this loop knows no pipes")
    (squatter,) = await loop.start_serving_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), name(str(tmp_path))
    )
    try:
        async with taking_orders((str(tmp_path),), Desk):
            with pytest.raises(Unavailable, match="it is not the agent's"):
                await told(tmp_path)
    finally:
        squatter.close()


async def test_an_agent_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    def talk() -> bytes:
        with Line(name(str(tmp_path)), 0.2) as line:
            return next(line.lines(100), b"")

    async with taking_orders((str(tmp_path),), Desk):
        with pytest.raises(TimeoutError, match="nothing within"):
            await asyncio.to_thread(talk)


async def test_without_a_place_nobody_is_there(tmp_path: Path) -> None:
    async with taking_orders((), Desk):
        with pytest.raises(NobodyThere):
            await told(tmp_path)
