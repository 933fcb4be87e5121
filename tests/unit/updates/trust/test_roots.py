from __future__ import annotations

from pathlib import Path

import pytest

from reagent.settings import stamp
from reagent.updates.trust import roots


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        ((), None),
        (("trust/1.root.json",), "trust/1.root.json"),
        (("trust/2.root.json", "trust/10.root.json", "trust/9.root.json"), "trust/10.root.json"),
        (("trust/root.json", "trust/x.root.json", "trust/README"), None),
    ],
)
def test_the_newest_root_that_was_put_in_counts(names: tuple[str, ...], newest: str | None) -> None:
    assert roots.newest(names) == newest


def test_a_source_tree_goes_by_a_plain_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(stamp.ROOTS_OF_SOURCE, raising=False)

    assert roots.baked() is None
    assert (stamp.signed(), stamp.trust()) == (False, "unsigned")


def test_a_source_tree_can_be_given_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.root.json").write_text(f"root {number}")
    monkeypatch.setenv(stamp.ROOTS_OF_SOURCE, str(tmp_path))

    assert roots.baked() == b"root 2"
    assert (stamp.signed(), stamp.trust()) == (True, "signed")


def test_a_folder_without_roots_is_not_the_same_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for trust and mistypes must not end up without any."""
    monkeypatch.setenv(stamp.ROOTS_OF_SOURCE, str(tmp_path / "mistyped"))

    assert roots.baked() == b""
