"""reagent_build.container: what the docker client is told, with a program of that name in its place."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reagent_build import children
from reagent_build.container import Docker
from reagent_build.errors import BuildError, EngineUnreachableError


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker client that notes how it is called and does what the file `does` says."""
    script = tmp_path / "bin/docker"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$DOCKER_HOST $DOCKER_BUILDKIT $*" >> {tmp_path}/calls\n'
        f". {tmp_path}/does\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return tmp_path


def test_an_engine_that_answers_says_its_version(client: Path) -> None:
    (client / "does").write_text("echo 20.10.24\n")

    version = Docker("tcp://127.0.0.1:1").check()

    assert version == "20.10.24"
    assert (client / "calls").read_text().startswith("tcp://127.0.0.1:1 0 version")


def test_the_address_of_the_environment_is_used_where_none_is_named(
    client: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (client / "does").write_text("echo 20.10.24\n")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")

    Docker(None).check()

    assert (client / "calls").read_text().startswith("unix:///run/other.sock ")


def test_an_engine_that_does_not_answer_is_named_with_the_clients_words(client: Path) -> None:
    (client / "does").write_text("echo 'Cannot connect to the Docker daemon' >&2; exit 1\n")

    with pytest.raises(EngineUnreachableError, match=r"unix:///nowhere: Cannot connect"):
        Docker("unix:///nowhere").check()


def test_a_missing_client_is_named_with_the_package_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EngineUnreachableError, match="apt-get install docker"):
        Docker(None).check()


def test_a_filter_takes_bytes_and_gives_bytes_without_network_or_mounts(client: Path) -> None:
    (client / "does").write_text("cat; echo message >&2\n")

    out, messages = Docker(None).filter("image", ("sh", "-c", "true"), b"\x00\xff")

    assert (out, messages) == (b"\x00\xff", "message\n")
    call = (client / "calls").read_text()
    assert "--rm" in call
    assert "--network=none" in call
    assert "--label=reagent.build=1" in call
    assert "--volume" not in call


def test_a_build_that_fails_says_what_the_tool_said(client: Path) -> None:
    (client / "does").write_text("echo 'fatal error: no such header' >&2; exit 1\n")

    with pytest.raises(BuildError, match="no such header"):
        Docker(None).filter("image", ("true",), b"")


def test_a_full_disk_of_the_engine_is_one_line(client: Path) -> None:
    (client / "does").write_text("echo 'write /x: no space left on device' >&2; exit 1\n")

    with pytest.raises(BuildError) as refused:
        Docker(None).filter("image", ("true",), b"")

    assert str(refused.value).endswith("the engine has no space left on its disk")


def test_a_container_does_not_outlive_a_client_that_was_stopped(client: Path) -> None:
    (client / "does").write_text(f'[ "$1" = rm ] && exit\necho > {client}/begun\nexec sleep 600\n')
    os.mkfifo(client / "begun")
    children.begin()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(Docker(None).filter, "image", ("true",), b"")
        (client / "begun").read_text()
        children.stop()
        with pytest.raises(children.StoppedError):
            running.result()
    children.begin()

    run, removed = (client / "calls").read_text().splitlines()
    (name,) = re.findall(r"--name=(\S+)", run)
    assert removed.endswith(f"rm --force {name}")


def test_a_registry_that_refuses_is_an_answer_not_an_error(client: Path) -> None:
    (client / "does").write_text("echo 'no such host' >&2; exit 1\n")

    assert Docker(None).pull("debian:trixie") == "no such host"


def test_images_carry_the_label_of_the_build(client: Path) -> None:
    (client / "does").write_text("cat > /dev/null\n")
    (client / "root.tar").write_bytes(b"")

    Docker(None).import_root(client / "root.tar", "debian:trixie")
    Docker(None).build(client, "Dockerfile", "tag", {"B": "2", "A": "1"})

    imported, built = (client / "calls").read_text().splitlines()
    assert "LABEL reagent.build=1" in imported
    assert "--label=reagent.build=1" in built
    assert "--build-arg=A=1 --build-arg=B=2" in built


def test_the_label_of_an_image_is_read_and_none_where_there_is_no_image(client: Path) -> None:
    (client / "does").write_text("echo 2026-11-25\n")
    labelled = Docker(None).label("image:1", "reagent.packages")
    (client / "does").write_text("echo 'No such image' >&2; exit 1\n")

    assert (labelled, Docker(None).label("image:2", "reagent.packages")) == ("2026-11-25", "")


def test_a_fresh_build_takes_no_layer_of_an_earlier_one(client: Path, tmp_path: Path) -> None:
    (client / "does").write_text("")

    Docker(None).build(tmp_path, "recipe", "image:1", {}, fresh=True)
    Docker(None).build(tmp_path, "recipe", "image:1", {})

    fresh, usual = (client / "calls").read_text().splitlines()
    assert "--no-cache" in fresh
    assert "--no-cache" not in usual
