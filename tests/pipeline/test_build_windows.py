"""reagent.exe: whose CPython it is, what goes in, and what PyInstaller is told."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from reagent_build.errors import BuildError
from reagent_build.freezers.wine import image_tag, inputs
from reagent_build.images import BUILD
from reagent_build.inside.contents import Module
from reagent_build.inside.embeddable import (
    BadPythonError,
    Signer,
    demanded,
    fault,
    files_in,
    signed_at,
)
from reagent_build.inside.windows import BuildError as InsideError
from reagent_build.inside.windows import (
    binaries,
    compiled,
    compiled_under,
    row,
    version_resource,
    windows_path,
)
from reagent_build.windows_inputs import Python, ensure_python, version_of

FACTS = BUILD / "windows/python.toml"
PSF = Signer(files="", organisation="Python Software Foundation", rooted=True)
RUNTIME = Signer(files="vcruntime", organisation="Microsoft Corporation", rooted=False)
# What osslsigncode 2.9 says of python313.dll, in part.
SAID = """\
Signature Index: 0  (Primary Signature)

Current message digest    : 539F0371
Calculated message digest : 539F0371

Signer's certificate:
	------------------
	Signer #0:
		Subject: /C=US/ST=Oregon/L=Beaverton/O=Python Software Foundation/CN=Python Software Foundation

Countersignatures:
	Timestamp time: Feb  4 16:34:09 2025 GMT

Signing certificate chain verified using:
	------------------
	Signer #0:
		Subject: /C=US/O=Microsoft Corporation/CN=Microsoft ID Verified CS AOC CA 02
Signature verification: ok
"""


# --- the interpreter


def test_a_file_signed_by_its_makers_is_taken() -> None:
    assert fault(SAID, PSF) == ""
    assert signed_at(SAID) == 1738686849


@pytest.mark.parametrize(
    ("found", "instead", "signer", "said"),
    [
        ("Calculated message digest : 539F", "Calculated message digest : 0000", PSF, "changed"),
        ("verification: ok", "verification: failed", PSF, "does not verify"),
        ("O=Python Software Foundation", "O=Somebody", PSF, "Somebody signed it"),
        ("Signature verification: ok", "", PSF, "does not verify"),
        ("Current", "No", PSF, "changed"),
        ("", "", RUNTIME, "should be Microsoft"),
    ],
)
def test_another_is_refused_with_the_reason(
    found: str, instead: str, signer: Signer, said: str
) -> None:
    assert said in fault(SAID.replace(found, instead) if found else SAID, signer)


def test_of_two_signatures_both_must_hold() -> None:
    assert fault(SAID + SAID.replace("verification: ok", "verification: failed"), PSF)


def test_a_signature_without_a_timestamp_is_none() -> None:
    with pytest.raises(BadPythonError, match="timestamp"):
        signed_at("Signature Index: 0")


def test_programs_and_libraries_must_be_signed_and_nothing_else() -> None:
    signers = [Signer(**each) for each in tomllib.loads(FACTS.read_text())["signer"]]

    assert demanded("python313.dll", signers) == PSF
    assert demanded("_ssl.pyd", signers) == PSF
    assert demanded("vcruntime140.dll", signers) == RUNTIME
    assert demanded("python313.zip", signers) is None


def _zip(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return stream.getvalue()


def test_the_interpreter_is_found_in_a_zip_and_in_a_package_of_one() -> None:
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        content = _zip("cp313/python.exe", "cp313/select.pyd", "other/x")
        member = tarfile.TarInfo("p-1/src/p/data.zip")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))

    assert dict(files_in(_zip("python.exe", "a.dll"))) == {
        "python.exe": b"python.exe",
        "a.dll": b"a.dll",
    }
    assert sorted(name for name, _ in files_in(package.getvalue())) == ["python.exe", "select.pyd"]
    with pytest.raises(BadPythonError, match=r"no python\.exe"):
        list(files_in(_zip("readme")))


def test_a_newer_interpreter_is_named_with_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "python-3.13.9-embed-amd64.zip"
    file.write_bytes(b"zip")
    digest = hashlib.sha256(b"zip").hexdigest()
    named = {"REAGENT_WINDOWS_PYTHON": str(file), "REAGENT_WINDOWS_PYTHON_SHA256": digest.upper()}

    chosen = Python.chosen(FACTS, named)

    assert ensure_python(chosen, tmp_path) == file
    assert image_tag(chosen) != image_tag(Python.chosen(FACTS, {}))
    with pytest.raises(BuildError, match="needs REAGENT_WINDOWS_PYTHON_SHA256"):
        Python.chosen(FACTS, {"REAGENT_WINDOWS_PYTHON": str(file)})


def test_another_interpreter_than_the_named_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "python.zip"
    file.write_bytes(b"other")
    named = {"REAGENT_WINDOWS_PYTHON": str(file), "REAGENT_WINDOWS_PYTHON_SHA256": "0" * 64}

    with pytest.raises(BuildError, match="has the digest"):
        ensure_python(Python.chosen(FACTS, named), tmp_path)
    file.unlink()
    with pytest.raises(BuildError, match="No such file"):
        ensure_python(Python.chosen(FACTS, named), tmp_path)


# --- what goes in


def test_the_standard_library_is_taken_as_the_bytecode_that_it_comes_as(tmp_path: Path) -> None:
    for name in ("os.pyc", "json/__init__.pyc", "json/tool.pyc", "test/x.pyc"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")

    found = compiled_under(tmp_path, ("test", "json.tool"))

    assert {name: module.is_package for name, module in found.items()} == {
        "json": True,
        "os": False,
    }


def test_the_application_is_compiled_without_docstrings(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text('"""Nobody reads this."""\nassert False\n')
    module = Module("a", source, is_package=False, shown_as="<a.py>")
    empty = Module("b", None, is_package=True, shown_as="<b>")

    made = compiled({"a": module, "b": empty})

    path = made["a"].path
    assert path is not None
    assert b"Nobody" not in path.read_bytes()
    assert b"AssertionError" not in path.read_bytes()
    assert made["b"].path is None
    source.write_text("def\n")
    with pytest.raises(InsideError, match="invalid syntax"):
        compiled({"a": module})


def test_a_line_of_the_table_names_module_and_file_as_wine_sees_it() -> None:
    module = Module("a.b", Path("/opt/a/b.pyc"), is_package=False, shown_as="")
    bare = Module("a", None, is_package=True, shown_as="")

    assert row(module) == ("a.b", "Z:/opt/a/b.pyc", "PYMODULE-2")
    assert row(bare) == ("a", "-", "PYMODULE-2")
    assert windows_path(Path("/x")) == "Z:/x"


def test_a_library_that_the_interpreter_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "select.pyd").write_bytes(b"")

    assert binaries(tmp_path, ["select.pyd"])[0][2] == "EXTENSION"
    with pytest.raises(InsideError, match=r"has no python313\.dll"):
        binaries(tmp_path, ["select.pyd", "python313.dll"])


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("1.2.3", "(1, 2, 3, 0)"), ("1.2.3-rc1", "(1, 2, 3, 0)"), ("2.0+x", "(2, 0, 0, 0)")],
)
def test_the_versions_numbers_are_what_windows_compares(version: str, numbers: str) -> None:
    text = version_resource(version)

    assert f"filevers={numbers}" in text
    assert f"StringStruct('ProductVersion', {version!r})" in text
    compile(text, "version.txt", "eval")


def test_what_the_container_gets_holds_sources_order_and_no_caches() -> None:
    stream = inputs(BUILD.parent, (), {"version": "1.0.0"}, ())

    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        names = archive.getnames()
    assert {"src/reagent/__main__.py", "build/windows/onefile.spec", "order.json"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_the_packer_is_pinned() -> None:
    assert version_of(BUILD / "requirements-windows.txt", "pyinstaller") == "6.22.3"
    with pytest.raises(BuildError, match="pins no nonsense"):
        version_of(BUILD / "requirements-windows.txt", "nonsense")
