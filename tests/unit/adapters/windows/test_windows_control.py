"""The pipe that carries orders on Windows: its name; tests/contract has what goes over it."""

from __future__ import annotations

import os
from pathlib import Path

from reagent.adapters.windows.control import PREFIX, name, places


def test_a_pipe_is_named_by_the_agent_s_folder_however_that_is_said(tmp_path: Path) -> None:
    here = str(tmp_path)

    assert name(here) == name(f"{here}{os.sep}x{os.sep}..") == name(f"{here}{os.sep}")
    assert name(here).startswith(PREFIX)
    assert "\\" not in name(here).removeprefix(PREFIX)


def test_agents_in_folders_of_their_own_have_pipes_of_their_own() -> None:
    assert len({name(each) for each in ("/a", "/b", "/a/b")}) == 3
    assert places("/a") == ("/a",)
