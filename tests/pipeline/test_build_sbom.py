"""reagent_build.sbom and its parts: a document that says everything, the same at every build."""

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from reagent_build.errors import BuildError
from reagent_build.freezers import wine
from reagent_build.sbom import SCHEMA, Subject, document
from reagent_build.sbom_facts import Facts, Runtime, note_of
from reagent_build.sbom_notices import notices
from reagent_build.sbom_parts import parts, upstream
from reagent_build.sbom_runtimes import of_python

SUBJECT = Subject(
    file_name="reagent-linux-armv7",
    target="linux/arm/7",
    version="1.2.3",
    commit="abc",
    freezer="static",
    sha256="1" * 64,
    committed=datetime(2026, 11, 25, tzinfo=UTC),
)
COPYRIGHT = (
    "Format: 1.0\n\nFiles: *\nLicense: Apache-2.0\n see /usr/share/common-licenses/Apache-2.0\n"
)


def package(
    name: str, source: str, version: str, copyright_text: str = COPYRIGHT
) -> dict[str, str]:
    return {
        "package": f"{name}:armhf",
        "name": name,
        "architecture": "armhf",
        "version": version,
        "source": source,
        "source_version": version,
        "homepage": "https://example.org",
        "copyright": copyright_text,
    }


DEBIAN: dict[str, object] = {
    "packages": [
        package("libssl-dev", "openssl", "3.5.9-1~deb13u1"),
        package("libpython3.13-dev", "python3.13", "3.13.5-2+deb13u5", "prose"),
        package("libpython3.13-stdlib", "python3.13", "3.13.5-2+deb13u5", "prose"),
    ],
    "linked": [
        {"file": "libssl.a", "package": "libssl-dev:armhf", "members": 80, "bytes": 800},
        {"file": "libcrypto.a", "package": "libssl-dev:armhf", "members": 90, "bytes": 900},
        {"file": "libpython3.13.a", "package": "libpython3.13-dev:armhf", "members": 2, "bytes": 9},
    ],
    "modules": {"libpython3.13-stdlib:armhf": 200},
    "licences": {"Apache-2.0": "the text of Apache's licence"},
}


def wheel(folder: Path, licence: str = "License-Expression: MIT\n") -> Path:
    path = folder / "Some_Thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        info = "Some_Thing-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.4\nName: Some_Thing\nVersion: 1.0\n{licence}"
        )
        archive.writestr(f"{info}/licenses/LICENSE", "permission is granted")
        archive.writestr("some_thing/LICENSE.py", "no paper")
    return path


def facts(folder: Path) -> Facts:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"# pinned\nsome-thing==1.0 --hash=sha256:{'a' * 64}\n")
    return Facts(
        wheels=[str(wheel(folder))],
        requirements=str(requirements),
        debian=DEBIAN,
        runtimes=[
            Runtime(
                name="python",
                version="3.13.2",
                licence="Python-2.0.1",
                purl="pkg:generic/python@3.13.2",
                vendor="python",
                sha256="b" * 64,
            )
        ],
    )


def written(folder: Path, subject: Subject = SUBJECT) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(document(subject, parts(facts(folder))))
    return content


def test_the_document_is_what_cyclonedx_says_it_is(tmp_path: Path) -> None:
    text = document(SUBJECT, parts(facts(tmp_path)))

    assert JsonStrictValidator(SCHEMA).validate_str(text) is None


def test_the_same_facts_make_the_same_bytes_and_another_executable_another_document(
    tmp_path: Path,
) -> None:
    first = document(SUBJECT, parts(facts(tmp_path)))
    other = document(replace(SUBJECT, sha256="2" * 64), parts(facts(tmp_path)))

    assert document(SUBJECT, parts(facts(tmp_path))) == first
    assert json.loads(first)["serialNumber"] != json.loads(other)["serialNumber"]


def test_it_is_about_one_executable_by_its_digest(tmp_path: Path) -> None:
    about = written(tmp_path)["metadata"]

    assert about["component"]["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert about["component"]["version"] == "1.2.3"
    assert about["timestamp"] == "2026-11-25T00:00:00+00:00"


def test_where_nobody_knows_when_the_commit_was_made_there_is_no_time(tmp_path: Path) -> None:
    subject = replace(SUBJECT, committed=None)

    assert "timestamp" not in written(tmp_path, subject)["metadata"]


def test_every_source_package_library_wheel_and_runtime_has_version_and_licence(
    tmp_path: Path,
) -> None:
    content = written(tmp_path)

    named = {
        (each["name"], each["version"], licence)
        for top in content["components"]
        for each in (top, *top.get("components", ()))
        for licence in (each["licenses"][0]["license"]["id"],)
    }
    assert named == {
        ("openssl", "3.5.9-1~deb13u1", "Apache-2.0"),
        ("libssl-dev", "3.5.9-1~deb13u1", "Apache-2.0"),
        ("python3.13", "3.13.5-2+deb13u5", "Python-2.0.1"),
        ("libpython3.13-dev", "3.13.5-2+deb13u5", "Python-2.0.1"),
        ("libpython3.13-stdlib", "3.13.5-2+deb13u5", "Python-2.0.1"),
        ("Some_Thing", "1.0", "MIT"),
        ("python", "3.13.2", "Python-2.0.1"),
    }


def test_a_scanner_finds_them_by_their_usual_names(tmp_path: Path) -> None:
    content = written(tmp_path)

    found = {each["name"]: each for each in content["components"]}
    openssl, thing = found["openssl"], found["Some_Thing"]
    assert openssl["purl"] == (
        "pkg:deb/debian/openssl@3.5.9-1~deb13u1?arch=source&distro=debian-13"
    )
    assert openssl["cpe"] == "cpe:2.3:a:openssl:openssl:3.5.9:*:*:*:*:*:*:*"
    assert openssl["components"][0]["purl"].startswith("pkg:deb/debian/libssl-dev@3.5.9-1~deb13u1?")
    assert thing["purl"] == "pkg:pypi/some-thing@1.0"
    assert thing["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


def test_it_says_which_archives_gave_how_much(tmp_path: Path) -> None:
    content = written(tmp_path)

    openssl = next(each for each in content["components"] if each["name"] == "openssl")
    assert [each["value"] for each in openssl["components"][0]["properties"]] == [
        "linked library",
        "libcrypto.a: 90 objects, 900 bytes",
        "libssl.a: 80 objects, 800 bytes",
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.5.9-1~deb13u1", "3.5.9"),
        ("1:1.3.dfsg+really1.3.1-1+deb13u1", "1.3.1"),
        ("1.5.7+dfsg-1", "1.5.7"),
        ("14.2.0-19cross1", "14.2.0"),
        ("9", "9"),
    ],
)
def test_the_authors_version_is_found_in_debians(version: str, expected: str) -> None:
    assert upstream(version) == expected


def test_a_package_that_does_not_say_its_licence_stops_the_build(tmp_path: Path) -> None:
    silent = Facts(wheels=[str(wheel(tmp_path, licence=""))])

    with pytest.raises(BuildError, match="Some_Thing does not say"):
        parts(silent)


def test_the_notices_hold_every_text_and_where_the_objects_are(tmp_path: Path) -> None:
    text = notices(
        "reagent-linux-armv7",
        "reagent-linux-armv7.objects.tar.gz",
        parts(facts(tmp_path)),
        {"Apache-2.0": "the text of Apache's licence"},
    )

    assert "  openssl 3.5.9-1~deb13u1: Apache-2.0\n" in text
    assert "permission is granted" in text
    assert "the text of Apache's licence" in text
    assert "no paper" not in text
    assert "reagent-linux-armv7.objects.tar.gz, published beside" in text


def test_what_a_freezer_notes_comes_back_as_it_was(tmp_path: Path) -> None:
    noted = facts(tmp_path)

    noted.leave(tmp_path / "reagent")

    assert Facts.read(tmp_path / "reagent") == noted
    assert note_of(tmp_path / "reagent").exists()


def test_a_python_says_what_it_brings_along() -> None:
    import platform  # noqa: PLC0415
    import sqlite3  # noqa: PLC0415
    import sys  # noqa: PLC0415

    found = {each.name: each.version for each in of_python((sys.executable, "-I"))}

    assert found["python"] == platform.python_version()
    assert found["sqlite"] == sqlite3.sqlite_version
    assert found["openssl"]


def test_a_windows_runtime_is_named_as_it_said_under_wine() -> None:
    messages = "wine: fixme\nruns under wine: CPython 3.13.2, OpenSSL 3.0.16, SQLite 3.45.3\n"

    found = parts(Facts(runtimes=tuple(wine.runtimes(messages))))

    versions = {each.name: each.version for each in found}
    assert versions["python"] == "3.13.2"
    assert (versions["openssl"], versions["sqlite"]) == ("3.0.16", "3.45.3")
    assert versions["vcruntime140"] == "of CPython 3.13.2"
    assert versions["pyinstaller"][0].isdigit()
    text = document(SUBJECT, found)
    assert JsonStrictValidator(SCHEMA).validate_str(text) is None


def test_a_runtime_that_does_not_say_what_it_is_stops_the_build() -> None:
    with pytest.raises(BuildError, match="does not say of which versions"):
        tuple(wine.runtimes("it crashed"))
