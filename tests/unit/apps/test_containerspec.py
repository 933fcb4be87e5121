"""docs/contract/apps.md 2.6, 3.1, 3.4, 3.8 and 9.3 H12, H13."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reagent.apps.containerspec import (
    OPTIONAL_PATHS,
    conflicting,
    container_spec,
    is_port_conflict,
    outdated,
)
from reagent.apps.hostports import PortKey
from reagent.contracts.engine import ContainerSeen, ContainerSpec, Mount, PortBinding
from reagent.model.app import AppKey

_BINDING = PortBinding(8080, "tcp", 40000)


def _spec(
    stage: str = "PROD",
    *,
    bindings: Sequence[PortBinding] = (),
    host_paths: Sequence[str] = (),
    gpu: bool = False,
) -> ContainerSpec:
    return container_spec(
        AppKey(6, stage),
        "MyApp",
        image="registry.example/apps/prod_amd64_6_myapp:1.0.0",
        environment=["A=1", "LARGE=" + "x" * 20480],
        shared="/apps/shared",
        data="/apps/prod/myapp",
        bindings=bindings,
        host_paths=host_paths,
        gpu=gpu,
    )


def test_a_release_is_created_as_the_contract_says() -> None:
    assert _spec(bindings=[_BINDING]) == ContainerSpec(
        name="prod_6_myapp",
        image="registry.example/apps/prod_amd64_6_myapp:1.0.0",
        environment=["A=1"],
        labels={"real": "True"},
        mounts=[Mount("/apps/shared", "/shared"), Mount("/apps/prod/myapp", "/data")],
        bindings=(_BINDING,),
        devices=("/dev",),
        privileged=True,
        cap_add=("ALL",),
        network_mode="bridge",
        extra_hosts=("host.docker.internal:host-gateway",),
        tty=True,
        interactive=False,
        runtime="",
    )


def test_a_working_copy_is_interactive() -> None:
    made = _spec("DEV")

    assert (made.name, made.interactive, made.tty) == ("dev_6_myapp", True, True)


def test_host_paths_are_mounted_where_the_host_has_them() -> None:
    made = _spec(host_paths=["/usr/local/cuda", "/somewhere/else"])

    assert list(made.mounts)[2:] == [Mount("/usr/local/cuda", "/usr/local/cuda")]
    assert OPTIONAL_PATHS == ("/sys/bus/w1/devices", "/usr/local/cuda")


def test_a_gpu_asks_for_its_runtime() -> None:
    assert _spec(gpu=True).runtime == "nvidia"


def _seen(network: str = "bridge", bindings: Sequence[PortBinding] = (_BINDING,)) -> ContainerSeen:
    return ContainerSeen(
        id="x", name="prod_6_myapp", status="exited", network_mode=network, bindings=bindings
    )


@pytest.mark.parametrize("network", ["", "default", "bridge"])
def test_a_container_with_the_same_network_and_ports_is_reused(network: str) -> None:
    assert not outdated(_seen(network), _spec(bindings=[_BINDING]))


@pytest.mark.parametrize("network", ["host", "none", "custom"])
def test_a_container_on_another_network_is_made_anew(network: str) -> None:
    assert outdated(_seen(network), _spec(bindings=[_BINDING]))


@pytest.mark.parametrize(
    "bindings",
    [[], [PortBinding(8080, "tcp", 40001)], [PortBinding(8080, "udp", 40000)], [_BINDING] * 2],
)
def test_a_container_with_other_ports_is_made_anew(bindings: list[PortBinding]) -> None:
    wanted = [_BINDING, PortBinding(1883, "udp", 40005)]

    assert outdated(_seen(bindings=bindings), _spec(bindings=wanted))


def test_ports_do_not_matter_where_none_are_to_be_published() -> None:
    assert not outdated(_seen(), _spec())


_CONFLICT = (
    "driver failed programming external connectivity: Bind for 0.0.0.0:40010 failed: "
    "port is already allocated"
)


@pytest.mark.parametrize(
    ("text", "conflict"),
    [
        (_CONFLICT, True),
        ("listen tcp4 0.0.0.0:40010: bind: address already in use", True),
        ("manifest unknown", False),
        ("", False),
    ],
)
def test_port_conflicts_are_told_from_other_errors(text: str, conflict: bool) -> None:  # noqa: FBT001
    assert is_port_conflict(text) is conflict


def test_the_ports_an_error_names_are_found() -> None:
    web, broker = (PortKey(AppKey(6, "PROD"), "tcp", port) for port in (8080, 1883))

    assert conflicting(_CONFLICT, {web: 40010, broker: 40011}) == [web]
    assert conflicting(_CONFLICT, {web: 40099, broker: 4001}) == []
    assert conflicting("no such image: x:40010", {web: 40010}) == []
