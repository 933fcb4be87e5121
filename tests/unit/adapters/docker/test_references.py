"""References are compared as the engine spells them."""

from __future__ import annotations

import pytest

from reagent.adapters.docker.references import familiar, of_repository, split

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("reference", "repository", "version"),
    [
        ("app", "app", "latest"),
        ("app:1.0", "app", "1.0"),
        ("host:5000/app", "host:5000/app", "latest"),
        ("host:5000/apps/prod_amd64_1_a:1.0.0", "host:5000/apps/prod_amd64_1_a", "1.0.0"),
        (f"host/app@{DIGEST}", "host/app", DIGEST),
        (f"host/app:1@{DIGEST}", "host/app", DIGEST),
    ],
)
def test_a_port_is_no_tag(reference: str, repository: str, version: str) -> None:
    assert split(reference) == (repository, version)


@pytest.mark.parametrize(
    ("reference", "listed"),
    [
        ("docker.io/library/busybox", "busybox:latest"),
        ("docker.io/someone/app:2", "someone/app:2"),
        ("index.docker.io/library/busybox:1", "busybox:1"),
        ("registry.example.com/apps/a:1", "registry.example.com/apps/a:1"),
        (f"docker.io/a/b@{DIGEST}", f"a/b@{DIGEST}"),
    ],
)
def test_the_default_registry_is_not_spelled_out(reference: str, listed: str) -> None:
    assert familiar(reference) == listed


def test_of_an_images_references_only_those_of_one_repository_count() -> None:
    tags = ["r:5000/a:1", "r:5000/a:2", "r:5000/ab:1", "r:5000/x/a:1", "a:1", "<none>:<none>"]

    assert of_repository("r:5000/a", tags) == ["r:5000/a:1", "r:5000/a:2"]
    assert of_repository("docker.io/library/a", tags) == ["a:1"]
    assert of_repository("r:5000/a", [f"r:5000/a@{DIGEST}"]) == [f"r:5000/a@{DIGEST}"]
    assert of_repository("r:5000/a", None) == []
