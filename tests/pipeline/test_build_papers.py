"""reagent_build.sbom_papers: what lies beside an executable."""

import json
import os
import sys
from pathlib import Path

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from reagent_build import probe
from reagent_build.checksum import put, sha256
from reagent_build.errors import BuildError
from reagent_build.plan import Plan
from reagent_build.sbom import SCHEMA
from reagent_build.sbom_facts import Facts, Runtime, note_of, objects_of
from reagent_build.sbom_papers import bill_of, notices_of, papers
from reagent_build.targets import Target, machine_target

REPOSITORY = Path(__file__).resolve().parents[2]
EXECUTABLE = REPOSITORY / "build/out" / machine_target(sys.platform, os.uname().machine).file_name
BUILT = pytest.mark.skipif(
    not bill_of(EXECUTABLE).exists(), reason=f"{bill_of(EXECUTABLE).name} is not built"
)
PYTHON = Runtime(
    name="python", version="3.13.2", licence="Python-2.0.1", purl="pkg:generic/python@3.13.2"
)


def plan(folder: Path) -> Plan:
    return Plan(
        target=Target("linux", "amd64"),
        freezer="static",
        reason="as asked",
        version="1.2.3",
        commit="unknown",
        output=folder / "reagent-linux-amd64",
        runner=None,
    )


def frozen(folder: Path, *, content: bytes = b"an executable", licence: str = "MIT") -> Path:
    """What a freezer leaves."""
    partial = folder / ".partial"
    partial.write_bytes(content)
    Facts(
        runtimes=[PYTHON, Runtime(name="x", version="1", licence=licence, purl="pkg:generic/x@1")]
    ).leave(partial)
    objects_of(partial).write_bytes(b"objects")
    return partial


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_an_executable_gets_its_papers_and_nothing_else_is_left(tmp_path: Path) -> None:
    partial = frozen(tmp_path)

    with papers(plan(tmp_path), partial, tmp_path):
        put(partial, plan(tmp_path).output)

    own = "reagent-linux-amd64"
    assert names(tmp_path) == {
        own, f"{own}.sha256", f"{own}.cdx.json", f"{own}.notices.txt", f"{own}.objects.tar.gz"
    }  # fmt: skip
    about = json.loads(bill_of(tmp_path / own).read_text())["metadata"]["component"]
    assert about["hashes"][0]["content"] == sha256(tmp_path / own)


def test_while_another_one_takes_the_place_no_paper_of_the_old_one_lies_there(
    tmp_path: Path,
) -> None:
    output = plan(tmp_path).output
    for place in (bill_of, notices_of, objects_of):
        place(output).write_text("of the one before")
    partial = frozen(tmp_path)

    with papers(plan(tmp_path), partial, tmp_path):
        found = [place(output).exists() for place in (bill_of, notices_of, objects_of)]

    assert found == [False, False, False]


def test_a_part_under_no_known_licence_leaves_everything_as_it_was(tmp_path: Path) -> None:
    output = plan(tmp_path).output
    bill_of(output).write_text("of the one before")
    partial = frozen(tmp_path, licence="do what you want")

    with pytest.raises(BuildError, match="no SPDX"), papers(plan(tmp_path), partial, tmp_path):
        pytest.fail("it went on")

    assert names(tmp_path) == {".partial", bill_of(output).name}


def test_an_executable_that_nobody_says_anything_about_gets_no_name(tmp_path: Path) -> None:
    partial = frozen(tmp_path)
    note_of(partial).unlink()

    with (
        pytest.raises(BuildError, match="static does not say"),
        papers(plan(tmp_path), partial, tmp_path),
    ):
        pytest.fail("it went on")


def test_what_is_in_it_in_another_version_than_before_is_said(tmp_path: Path) -> None:
    output = plan(tmp_path).output
    before = [{"name": "python", "version": "3.13.1"}, {"name": "x", "version": "1"}]
    bill_of(output).write_text(json.dumps({"components": before}))
    partial = frozen(tmp_path)
    said: list[str] = []

    with papers(plan(tmp_path), partial, tmp_path, said.append):
        put(partial, output)

    assert said == ["  python 3.13.1 -> 3.13.2"]


def test_an_executable_that_cannot_get_its_name_leaves_no_papers(tmp_path: Path) -> None:
    partial = frozen(tmp_path)

    with pytest.raises(OSError, match="disk is full"), papers(plan(tmp_path), partial, tmp_path):
        raise OSError("disk is full")

    assert names(tmp_path) == {".partial"}


@BUILT
def test_the_documents_of_everything_that_was_built_are_valid_and_about_it() -> None:
    validator = JsonStrictValidator(SCHEMA)

    for bill in EXECUTABLE.parent.glob("reagent-*.cdx.json"):
        text = bill.read_text()
        about = json.loads(text)["metadata"]["component"]
        executable = bill.with_name(bill.name.removesuffix(".cdx.json"))
        assert validator.validate_str(text) is None, bill.name
        assert about["hashes"] == [{"alg": "SHA-256", "content": sha256(executable)}]


@BUILT
def test_it_names_what_the_executable_says_of_itself() -> None:
    if b"_reagent_importer" not in EXECUTABLE.read_bytes():
        pytest.skip("only the static executable carries its own runtime")
    program = (
        "import ssl, sqlite3, sys, zlib, pyexpat\n"
        "print(*map(str, sys.version_info[:3]), sep='.')\n"
        "print(ssl.OPENSSL_VERSION.split()[1], sqlite3.sqlite_version, zlib.ZLIB_VERSION)\n"
        "print(pyexpat.EXPAT_VERSION.removeprefix('expat_'))\n"
    )

    python, others, expat = probe.run(EXECUTABLE, program).stdout.splitlines()
    openssl, sqlite, zlib = others.split()
    found = json.loads(bill_of(EXECUTABLE).read_text())["components"]
    cpes = {each["cpe"].split(":")[4]: each["cpe"].split(":")[5] for each in found if "cpe" in each}
    assert {key: cpes[key] for key in ("python", "openssl", "sqlite", "zlib", "libexpat")} == {
        "python": python, "openssl": openssl, "sqlite": sqlite, "zlib": zlib, "libexpat": expat,
    }  # fmt: skip
    assert {"glibc", "gcc"} <= set(cpes)


@BUILT
def test_every_wheel_is_named_with_the_digest_it_is_pinned_to() -> None:
    pinned = (REPOSITORY / "build/requirements-runtime.txt").read_text()

    found = json.loads(bill_of(EXECUTABLE).read_text())["components"]
    wheels = [each for each in found if each["purl"].startswith("pkg:pypi/") and "hashes" in each]
    assert len(wheels) == pinned.count("--hash=")
    assert all(each["hashes"][0]["content"] in pinned for each in wheels)
