"""reagent_release.publish: what is uploaded, from facts alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from reagent_build.targets import Target
from reagent_release.built import Built, NotBuilt, Paper, Unfit
from reagent_release.errors import Refused
from reagent_release.publish import Facts, Remote, plan
from reagent_release.steps import There, Upload, Write, sha256

AMD64 = Target("linux", "amd64")
ARMV7 = Target("linux", "arm", "7")
OUT = Path("build/out")
DIGEST = sha256(b"executable")
NAME = "linux/amd64/1.2.3/reagent"
NOTE = f"{NAME}.sha256"

NEW = Facts(
    version="1.2.3",
    found=[Built(AMD64, OUT / "reagent-linux-amd64", 10, DIGEST)],
    remote={},
    version_file=b"1.2.3\n",
)


def remote(content: bytes, generation: int = 7) -> Remote:
    return Remote(generation, sha256(content))


def test_a_new_version_is_executable_then_checksum_then_version_file() -> None:
    made = plan(NEW)

    assert made.steps == (
        Upload(NAME, OUT / "reagent-linux-amd64", 10, DIGEST),
        Write(NOTE, f"{DIGEST}\n".encode()),
        Write("version.txt", b"1.2.3\n"),
    )


def test_the_papers_of_an_executable_come_before_it() -> None:
    paper = Paper(".cdx.json", OUT / "reagent-linux-amd64.cdx.json", 5, sha256(b"bill"))
    built = Built(AMD64, OUT / "reagent-linux-amd64", 10, DIGEST, (paper,))

    made = plan(replace(NEW, found=[built]))

    assert made.steps[:2] == (
        Upload(f"{NAME}.cdx.json", OUT / "reagent-linux-amd64.cdx.json", 5, sha256(b"bill")),
        Upload(NAME, OUT / "reagent-linux-amd64", 10, DIGEST),
    )


def test_another_paper_under_a_published_version_is_refused_like_another_executable() -> None:
    paper = Paper(".cdx.json", OUT / "reagent-linux-amd64.cdx.json", 5, sha256(b"bill"))
    built = Built(AMD64, OUT / "reagent-linux-amd64", 10, DIGEST, (paper,))
    there = {f"{NAME}.cdx.json": remote(b"another bill")}

    with pytest.raises(Refused, match=r"published with other bytes.*\n.*reagent\.cdx\.json"):
        plan(replace(NEW, found=[built], remote=there))


def test_the_same_bytes_are_there_already() -> None:
    there = {
        NAME: remote(b"executable"),
        NOTE: remote(f"{DIGEST}\n".encode()),
        "version.txt": remote(b"1.2.3\n"),
    }

    made = plan(replace(NEW, remote=there))

    assert made.steps == (There(NAME), There(NOTE), There("version.txt"))
    assert str(made).count("already there") == 3


def test_what_broke_off_behind_the_executable_goes_on_there() -> None:
    made = plan(replace(NEW, remote={NAME: remote(b"executable")}))

    assert made.steps[:2] == (There(NAME), Write(NOTE, f"{DIGEST}\n".encode()))


@pytest.mark.parametrize("name", [NAME, NOTE])
def test_other_bytes_under_a_published_version_are_refused_by_name(name: str) -> None:
    with pytest.raises(Refused, match="never overwritten") as refusal:
        plan(replace(NEW, remote={name: remote(b"other")}))

    assert f"\n  {name}\n" in str(refusal.value)
    assert "Raise the version in src/reagent/version.txt" in str(refusal.value)


def test_an_older_version_file_is_replaced_as_it_was_seen() -> None:
    made = plan(replace(NEW, remote={"version.txt": remote(b"1.2.2\n", 41)}))

    assert made.steps[-1] == Write("version.txt", b"1.2.3\n", 41)


def test_a_version_file_that_would_be_served_stale_is_written_again() -> None:
    stale = Remote(41, sha256(b"1.2.3\n"), "public, max-age=3600")

    made = plan(replace(NEW, remote={"version.txt": stale}))

    assert made.steps[-1] == Write("version.txt", b"1.2.3\n", 41)


def test_what_was_not_built_is_said_and_left_out() -> None:
    found = [*NEW.found, NotBuilt(ARMV7, OUT / "reagent-linux-armv7")]

    made = plan(replace(NEW, found=found))

    assert made.not_built == (ARMV7,)
    assert "not built      linux/arm/7" in str(made)
    assert made.steps == plan(NEW).steps


def test_what_was_asked_for_and_not_built_is_refused() -> None:
    found = [*NEW.found, NotBuilt(ARMV7, OUT / "reagent-linux-armv7")]

    with pytest.raises(Refused, match=r"nothing in build/out for linux/arm/7: nox -s build_all"):
        plan(replace(NEW, found=found, named=True))


def test_with_nothing_built_there_is_nothing_to_publish() -> None:
    with pytest.raises(Refused, match="linux/arm/7"):
        plan(replace(NEW, found=[NotBuilt(ARMV7, OUT / "reagent-linux-armv7")]))


@pytest.mark.parametrize(
    "left",
    [
        NotBuilt(ARMV7, OUT / "reagent-linux-armv7"),
        Unfit(ARMV7, OUT / "reagent-linux-armv7", "is not of version 1.2.3"),
    ],
)
def test_the_dry_run_of_a_whole_release_counts_on_the_build(left: NotBuilt | Unfit) -> None:
    found = [left]

    made = plan(replace(NEW, found=found, builds_first=True, named=True))

    assert made.to_be_built == (ARMV7,)
    assert "what build_all makes for linux/arm/7" in str(made)


def test_one_file_that_is_not_what_it_is_called_stops_all() -> None:
    found = [*NEW.found, Unfit(ARMV7, OUT / "reagent-linux-armv7", "is not of version 1.2.3")]

    with pytest.raises(Refused, match=r"reagent-linux-armv7 is not of version 1\.2\.3"):
        plan(replace(NEW, found=found))
