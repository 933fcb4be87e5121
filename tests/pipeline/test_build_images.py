"""reagent_build.images: what the cross-build containers are made from, and what they are called."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reagent_build.container import Docker
from reagent_build.images import BUILD, ensure_static, sources, static_image, static_tag
from reagent_build.progress import PlainProgress
from reagent_build.targets import DEBIAN, Target

AMD64 = DEBIAN[Target("linux", "amd64")]
RECIPES = ("static-common.Dockerfile", "static.Dockerfile")
ARM64 = DEBIAN[Target("linux", "arm64")]


# Knows the images that it was told to build, and notes what it is told.
CLIENT = """#!/bin/sh
cd {folder}
echo "$*" >> calls
case "$1" in
image) for word in "$@"; do tag=$word; done; [ -e "images/$tag" ] && echo "sha256:$tag" ;;
build) for word in "$@"; do
    case "$word" in --tag=*) sleep 0.2; : > "images/${{word#--tag=}}" ;; esac
done ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "images").mkdir()
    (tmp_path / "images/debian:trixie").touch()
    client = tmp_path / "bin/docker"
    client.write_text(CLIENT.format(folder=tmp_path))
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:/usr/bin:/bin")
    return tmp_path


def built(engine: Path) -> list[str]:
    calls = (engine / "calls").read_text().splitlines()
    return [tag for call in calls for tag in re.findall(r"^build .*--tag=(\S+)", call)]


def test_what_architectures_have_in_common_is_made_once_though_all_ask_at_once(
    engine: Path,
) -> None:
    docker, cache, progress = Docker(None), engine / "cache", PlainProgress()

    with ThreadPoolExecutor(4) as pool:
        tags = list(
            pool.map(
                lambda debian: ensure_static(docker, debian, cache, progress),
                (AMD64, ARM64, AMD64, ARM64),
            )
        )

    common, *others = built(engine)
    assert common.startswith("reagent-build-static:common-")
    assert sorted(others) == sorted(set(tags))


def test_an_image_that_is_not_there_has_no_name(engine: Path) -> None:
    docker = Docker(None)

    before = static_image(docker, AMD64)
    tag = ensure_static(docker, AMD64, engine / "cache", PlainProgress())

    assert (before, static_image(docker, AMD64)) == (None, tag)


def test_a_stand_in_is_one_file_of_debian_by_its_digest() -> None:
    archives = (BUILD / "images/archives.txt").read_text().split()

    for line in (BUILD / "images/standins.txt").read_text().splitlines():
        architecture, name, path, digest = line.split(" ")
        assert name in archives
        assert path.startswith("pool/")
        assert path.endswith(f"_{architecture}.deb")
        assert f"/{name}_" in path
        assert re.fullmatch(r"[0-9a-f]{64}", digest)


def test_the_base_image_uses_the_mirrors_of_a_debian_host() -> None:
    index_targets = [
        "http://mirror.example/debian/|Debian|Debian",
        "http://mirror.example/debian/|Debian|Debian",
        "http://mirror.example/security/|Debian|Debian-Security",
        "http://elsewhere.example/|Somebody|Tools",
    ]

    assert sources(index_targets) == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    ]


def test_a_host_of_another_distribution_leaves_the_mirror_to_mmdebstrap() -> None:
    others = [
        "http://archive.example/ubuntu|Ubuntu|Ubuntu",
        "no columns",
        "cdrom:[DVD]|Debian|Debian",
    ]

    assert sources(others) == []


def test_each_architecture_has_an_image_of_its_own_and_always_the_same_name() -> None:
    assert static_tag(AMD64, "sha256:1") == static_tag(AMD64, "sha256:1")
    assert static_tag(AMD64, "sha256:1") != static_tag(ARM64, "sha256:1")
    assert static_tag(AMD64, "sha256:1").startswith("reagent-build-static:amd64-")


def test_what_all_are_made_from_made_anew_makes_all_of_them_anew() -> None:
    assert static_tag(AMD64, "sha256:1") != static_tag(AMD64, "sha256:2")


def test_nothing_of_the_application_is_in_the_image_so_a_change_of_it_needs_no_new_one() -> None:
    recipes = [(BUILD / "images" / name).read_text() for name in RECIPES]

    copied = [line for text in recipes for line in text.splitlines() if line.startswith("COPY")]
    assert copied == [
        "COPY images/archives.txt /opt/build/images/archives.txt",
        "COPY images/same-versions.sh images/standins.txt /opt/build/images/",
        "COPY reagent_build /opt/build/reagent_build",
        "COPY static /opt/build/static",
    ]
