"""A commit where links are files: the order of 0007, on a disk as Windows has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.updates import judge, links
from reagent.updates.commit import commit
from reagent.updates.ledger import Ledger
from reagent.updates.links import Links
from reagent.updates.state import Trial
from reagent.updates.vocabulary import ACTIVE

OWN, NEXT = "reagent.exe", "reagent-v1.5.0.exe"
NOW = 1_900_000_000.0


class Disk(WindowsFiles):
    """One that is cut at a link."""

    cut_at: str = ""

    def rename(self, path: str, to: str) -> None:
        if self.cut_at and to.endswith(self.cut_at):
            raise OSError("cut")
        super().rename(path, to)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in (OWN, NEXT):
        (tmp_path / name).write_bytes(name.encode())
    return str(tmp_path)


def trial(files: Disk, folder: str) -> Trial:
    path = f"{folder}/{NEXT}"
    size, digest = files.lstat(path).size, files.sha256(path)
    return Trial(file=NEXT, version="1.5.0", sha256=digest, size=size)


def test_a_commit_names_the_new_one_and_the_way_back(folder: str) -> None:
    files = Disk()
    ledger, tried = Ledger(files, folder), trial(files, folder)
    ledger.change(lambda state: judge.scheduled(state, tried))

    commit(files, folder, ledger, tried, own=OWN, now=NOW)

    assert links.look(files, folder) == Links(active=NEXT, previous=OWN, latest=NEXT)
    assert Ledger(files, folder).state.trial is None
    assert Ledger(files, folder).state.floor == "1.5.0"


def test_until_active_is_replaced_nothing_is_committed(folder: str) -> None:
    files = Disk()
    ledger, tried = Ledger(files, folder), trial(files, folder)
    ledger.change(lambda state: judge.scheduled(state, tried))
    files.cut_at = ACTIVE

    with pytest.raises(OSError, match="cut"):
        commit(files, folder, ledger, tried, own=OWN, now=NOW)

    assert links.look(files, folder) == Links(previous=OWN)
    assert Ledger(files, folder).state.trial is not None
