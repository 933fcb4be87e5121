"""The image that the executable was built in: it has the Python that it is made of."""

import sys
from typing import Final

from docker import DockerClient

from sandbox import images

_REPOSITORY: Final = "reagent-build-static"


def build_image(client: DockerClient) -> str | None:
    """Its tag; None, and said, where this engine does not have it: rows are missing then."""
    tags = [tag for image in client.images.list(name=_REPOSITORY) for tag in image.tags]
    found = next((tag for tag in tags if f":{images.architecture()}-" in tag), None)
    if found is None:
        print(
            "  not measured: this engine has no build image (nox -s build makes it)",
            file=sys.stderr,
            flush=True,
        )
    return found
