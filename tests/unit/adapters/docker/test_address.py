"""Where the engine is looked for."""

from __future__ import annotations

import pytest

from reagent.adapters.docker.address import DEFAULT, from_environment


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ("", {}, DEFAULT),
        ("", {"DOCKER_HOST": ""}, DEFAULT),
        ("", {"DOCKER_HOST": "tcp://10.0.0.1:2375"}, "tcp://10.0.0.1:2375"),
        ("unix:///run/mine.sock", {"DOCKER_HOST": "tcp://10.0.0.1"}, "unix:///run/mine.sock"),
        ("/run/mine.sock", {}, "unix:///run/mine.sock"),
    ],
)
def test_an_argument_beats_the_environment_and_that_the_usual_socket(
    given: str, environment: dict[str, str], expected: str
) -> None:
    assert from_environment(given, environment).text == expected


@pytest.mark.parametrize(
    ("environment", "folder", "verify"),
    [
        ({}, "", False),
        ({"DOCKER_CERT_PATH": "/certs"}, "/certs", False),
        ({"DOCKER_CERT_PATH": "/certs", "DOCKER_TLS_VERIFY": "1"}, "/certs", True),
        ({"DOCKER_TLS_VERIFY": "1", "HOME": "/home/me"}, "/home/me/.docker", True),
    ],
)
def test_tls_is_switched_on_as_on_the_command_line(
    environment: dict[str, str], folder: str, *, verify: bool
) -> None:
    address = from_environment("tcp://10.0.0.1:2376", environment)

    assert (address.certificates, address.verify) == (folder, verify)


def test_a_local_socket_needs_no_tls() -> None:
    address = from_environment("", {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"})

    assert (address.certificates, address.is_local) == ("", True)
