"""What a single-container app is created with, and when that has to be done anew.

Pure: facts in, `ContainerSpec` out (docs/contract/apps.md 2.6, 3.1, 3.4, 3.8).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from reagent.apps.environment import passed_as_env
from reagent.apps.hostports import PortKey
from reagent.contracts.engine import ContainerSeen, ContainerSpec, Mount, PortBinding
from reagent.model import names
from reagent.model.app import AppKey, Stage

OPTIONAL_PATHS: Final = ("/sys/bus/w1/devices", "/usr/local/cuda")
"""Host paths an app sees under the same name, where the host has them."""

_CONFLICTS: Final = ("port is already allocated", "address already in use")


def container_spec(
    app: AppKey,
    app_name: str,
    *,
    image: str,
    environment: Sequence[str],
    shared: str,
    data: str,
    bindings: Sequence[PortBinding] = (),
    host_paths: Collection[str] = (),
    gpu: bool = False,
) -> ContainerSpec:
    """Everything the engine is told.

    Args:
        app: key and stage.
        app_name: as it was sent.
        image: a release with its version, a working copy without a tag.
        environment: every line; those too long for an engine are left to the files.
        shared: the folder all apps share.
        data: the app's own folder.
        bindings: where its ports are published.
        host_paths: those of `OPTIONAL_PATHS` that are there.
        gpu: whether the host has one.
    """
    mounts = [Mount(shared, "/shared"), Mount(data, "/data")]
    mounts += [Mount(path, path) for path in OPTIONAL_PATHS if path in host_paths]
    return ContainerSpec(
        name=names.container_name(app.stage, app.key, app_name),
        image=image,
        environment=passed_as_env(environment),
        labels={"real": "True"},
        mounts=mounts,
        bindings=tuple(bindings),
        interactive=app.stage == Stage.DEV,
        runtime="nvidia" if gpu else "",
    )


def outdated(seen: ContainerSeen, spec: ContainerSpec) -> bool:
    """Whether a container must be made anew rather than reused: network or published ports differ.

    Without ports to publish the bindings do not matter, and neither does the environment ever.
    """
    if _network(seen.network_mode) != _network(spec.network_mode):
        return True
    return bool(spec.bindings) and set(seen.bindings) != set(spec.bindings)


def is_port_conflict(text: str) -> bool:
    """Whether an error says that somebody else has the port."""
    return any(phrase in text for phrase in _CONFLICTS)


def conflicting(text: str, assigned: Mapping[PortKey, int]) -> list[PortKey]:
    """The keys whose host port an error names; none unless it is about a port conflict."""
    if not is_port_conflict(text):
        return []
    named = {int(port) for port in re.findall(r":(\d{1,5})(?!\d)", text)}
    return [key for key, port in assigned.items() if port in named]


def _network(mode: str) -> str:
    return "bridge" if mode in {"", "default"} else mode
