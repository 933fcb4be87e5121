"""commands.service: what it refuses to run as a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from reagent.commands.service import demand_ready
from reagent.errors import Refused


def active(folder: Path, file: str) -> Path:
    (folder / file).write_bytes(b"an executable")
    (folder / "Reagent-active").symlink_to(file)
    return folder


@pytest.mark.parametrize("file", ["reagent-v0.20.20", "reagent-latest", "somebody-s"])
def test_what_never_tells_that_it_is_ready_is_not_made_a_service(tmp_path: Path, file: str) -> None:
    with pytest.raises(Refused, match=f"names {file}"):
        demand_ready(active(tmp_path, file))


@pytest.mark.parametrize("file", ["reagent-v1.0.0", "reagent-v1.4.0-rc.1", "reagent-v10.0.0"])
def test_a_version_that_does_is(tmp_path: Path, file: str) -> None:
    demand_ready(active(tmp_path, file))

    assert (tmp_path / "Reagent-active").resolve().name == file
