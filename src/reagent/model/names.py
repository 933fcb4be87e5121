"""Names of procedures, topics, containers and images (docs/contract/wamp.md 2, apps.md 1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from reagent.errors import BadRequest


def procedure(serial: str, suffix: str) -> str:
    """The URI of a procedure or topic of this device's API."""
    return f"re.mgmt.{serial}.{suffix}"


def log_topic(serial: str, container: str) -> str:
    """The one topic on which everything about a container goes out."""
    return f"reswarm.logs.{serial}.{container}"


def container_name(stage: str, app_key: int, app_name: str) -> str:
    """`prod_6_myapp`; lower-case as a whole."""
    return f"{stage}_{app_key}_{app_name}".lower()


def project_name(stage: str, app_key: int, app_name: str) -> str:
    """The compose project of an app: its container name and `_compose`."""
    return f"{container_name(stage, app_key, app_name)}_compose"


def image_name(stage: str, arch: str, app_key: int, app_name: str) -> str:
    """`prod_arm64_6_myapp`; `arch` is the build architecture with its variant, e.g. `armv7`."""
    return f"{stage}_{arch}_{app_key}_{app_name}".lower()


def registry_image(registry: str, repository: str, image: str) -> str:
    """Plain concatenation, lower-case as a whole; both prefixes normally end in a slash."""
    return f"{registry}{repository}{image}".lower()


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """What a container name says. `stage` is empty for a prefix that is not ours."""

    stage: str
    app_key: int
    app_name: str


_STAGES = {"dev": "DEV", "prod": "PROD", "pub": "DEV"}


def parse_container_name(name: str) -> ContainerRef:
    """Take a container name apart.

    Raises:
        BadRequest: fewer than three parts, or a second part that is no unsigned integer.
    """
    parts = name.removeprefix("/").split("_")
    if len(parts) < 3:
        raise BadRequest(f"{name!r} is not a container name: <stage>_<key>_<name> expected")
    if not (parts[1].isascii() and parts[1].isdigit()):
        raise BadRequest(f"{name!r} is not a container name: {parts[1]!r} is no app key")
    return ContainerRef(_STAGES.get(parts[0], ""), int(parts[1]), "_".join(parts[2:]))
