"""reagent_release.outdated: the list of what is signed for does not grow for ever."""

from __future__ import annotations

from pathlib import Path

from reagent_release.outdated import KEPT, outdated
from tests.pipeline.signed_place import SignedRepository


def paths(*versions: str) -> list[str]:
    return [f"linux/{arch}/{each}/reagent" for each in versions for arch in ("amd64", "armv7")]


def test_the_newest_stay_by_precedence_and_not_by_text() -> None:
    listed = paths("1.9.0", "1.10.0-rc1", "1.10.0", "1.2.0")

    assert outdated(listed, (), kept=2) == tuple(sorted(paths("1.9.0")) + sorted(paths("1.2.0")))


def test_what_is_named_stays_however_old() -> None:
    assert outdated(paths("1.0.0", "1.1.0", "1.2.0"), {"1.0.0"}, kept=1) == tuple(paths("1.1.0"))


def test_what_is_no_file_of_a_version_stays() -> None:
    assert outdated(["rollout/1.json", "a/b", "a/b/c/d/e"], (), kept=0) == ()


def test_a_release_ends_what_is_outdated_by_it(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    for number in range(KEPT + 3):
        repository.raise_version(f"1.0.{number}")
        repository.build(filler=b"\0trust/1.root.json\0")
        assert repository.run("publish") == 0
        if number == 0:
            assert repository.run("rollout") == 0

    listed = {path.split("/")[2] for path in repository.listed if not path.startswith("rollout/")}

    assert listed == {"1.0.0", *(f"1.0.{number}" for number in range(3, KEPT + 3))}
    assert "linux/amd64/1.0.1/reagent" in repository.published()
    repository.raise_version("1.0.1")
    repository.build(filler=b"\0trust/1.root.json\0")
    assert repository.run("publish") == 0
    assert "linux/amd64/1.0.1/reagent" in repository.listed
