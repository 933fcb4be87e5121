"""Containers and images that a measurement left in an engine which is not ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from docker.errors import DockerException

from sandbox.cloud import Cloud
from sandbox.device import Device


@asynccontextmanager
async def removed(
    cloud: Cloud, device: Device, containers: Iterable[str], images: Iterable[str]
) -> AsyncIterator[None]:
    """Whatever happens inside: stop the device, then remove what it made; what is gone is fine."""
    try:
        yield
    finally:
        await device.stop()
        await asyncio.to_thread(_remove, cloud, list(containers), list(images))


def _remove(cloud: Cloud, containers: list[str], images: list[str]) -> None:
    with cloud.engine.client() as client:
        for name in containers:
            with contextlib.suppress(DockerException):
                client.containers.get(name).remove(force=True)
        for name in images:
            with contextlib.suppress(DockerException):
                client.images.remove(name, force=True)
