"""Every name that follows from an app, the device and the machine (docs/contract/apps.md 1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from reagent.model.app import App, WantedApp
from reagent.model.device import Identity
from reagent.model.names import container_name, image_name, project_name, registry_image


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one app.

    Attributes:
        container: of its container, and of the topic its log goes out on.
        project: of its compose project.
        image: of its images, without registry and tag.
        repository: of its images, without a tag.
        pull, push, build: ids of its streams; these keep their case.
    """

    container: str
    project: str
    image: str
    repository: str
    pull: str
    push: str
    build: str


def names_of(app: App | WantedApp, identity: Identity, arch: str) -> Names:
    """Put the names together.

    Args:
        app: key, name and stage are used.
        identity: says which registry and repository.
        arch: build architecture with its variant, e.g. `armv7`.
    """
    key, name = app.app_key, app.app_name
    image = image_name(app.stage, arch, key, name)
    return Names(
        container=container_name(app.stage, key, name),
        project=project_name(app.stage, key, name),
        image=image,
        repository=registry_image(
            identity.docker_registry_url, identity.docker_main_repository, image
        ),
        pull=f"pull_{key}_{name}",
        push=f"push_{key}_{name}",
        build=f"build_{key}_{name}",
    )
