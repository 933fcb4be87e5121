"""reagent_build.roots: which roots of trust executables bring, and that it is never a guess."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from reagent_build.errors import BuildError
from reagent_build.freezers import static
from reagent_build.plan import Facts, plan
from reagent_build.roots import VARIABLE, Root, chosen
from reagent_build.targets import Target

REPOSITORY = Path(__file__).resolve().parents[2]
AMD64 = Target("linux", "amd64")


def root(version: int, kind: str = "root") -> bytes:
    return json.dumps({"signed": {"_type": kind, "version": version}, "signatures": []}).encode()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.reagent.trust]\nroots = ""\n')
    return tmp_path


def put(folder: Path, *versions: int) -> Path:
    folder.mkdir()
    for version in versions:
        (folder / f"{version}.root.json").write_bytes(root(version))
    return folder


def test_by_default_there_are_none(repository: Path) -> None:
    assert chosen(repository, {}) == ()
    assert chosen(REPOSITORY, {}) == ()


def test_the_variable_names_their_folder(repository: Path) -> None:
    folder = put(repository / "roots", 2, 10)

    found = chosen(repository, {VARIABLE: str(folder)})

    assert [each.name for each in found] == ["trust/2.root.json", "trust/10.root.json"]


def test_so_does_pyproject_relative_to_the_repository(repository: Path) -> None:
    put(repository / "trusted", 1)
    (repository / "pyproject.toml").write_text('[tool.reagent.trust]\nroots = "trusted"\n')

    assert [each.version for each in chosen(repository, {})] == [1]


def test_who_names_a_folder_without_a_root_gets_no_build(repository: Path) -> None:
    with pytest.raises(BuildError, match=r"REAGENT_TRUST_ROOTS: there is no <version>\.root\.json"):
        chosen(repository, {VARIABLE: str(repository / "mistyped")})


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b"{}", root(2), root(1, "timestamp"), b'{"signed": {"version": 1}}'],
)
def test_what_is_no_root_of_that_version_is_refused(repository: Path, content: bytes) -> None:
    folder = put(repository / "roots")
    (folder / "1.root.json").write_bytes(content)

    with pytest.raises(BuildError, match=r"1\.root\.json"):
        chosen(repository, {VARIABLE: str(folder)})


@pytest.mark.parametrize(
    ("roots", "said"), [((), "unsigned"), ((Root(1, b""), Root(3, b"")), "trusts root 3")]
)
def test_the_plan_says_whom_devices_will_believe(roots: tuple[Root, ...], said: str) -> None:
    facts = Facts(
        version="1.2.3",
        commit="0123456789abcdef",
        machine=AMD64,
        engine="20.10.24",
        engine_refusal="",
        freezers=frozenset(("static",)),
        emulators=frozenset(),
        output=Path("out"),
        roots=roots,
    )

    (one,) = plan([AMD64], facts, None)

    assert str(one).endswith(f"; {said}")
    assert one.roots == roots


def test_the_container_gets_them_as_data_of_the_package() -> None:
    content = static.inputs(REPOSITORY, (), {}, (Root(4, b"a root"),))

    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = archive.extractfile("src/reagent/trust/4.root.json")
        assert found is not None
        assert found.read() == b"a root"
