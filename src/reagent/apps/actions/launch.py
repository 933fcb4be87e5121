"""From an image to a running container: create or reuse, start, wait (apps.md 2.5, 2.6)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reagent import log
from reagent.apps import envfiles, portrules
from reagent.apps.actions.workshop import Job, Workshop
from reagent.apps.containerspec import (
    OPTIONAL_PATHS,
    conflicting,
    container_spec,
    is_port_conflict,
    outdated,
)
from reagent.apps.environment import Facts, environment
from reagent.apps.hostports import publish
from reagent.contracts.engine import ContainerSeen, ContainerSpec
from reagent.contracts.host import Host
from reagent.errors import ContainerNotFound, EngineFailed, Failed, ImageNotFound
from reagent.model.app import Stage

_log = log.get(__name__)

_ATTEMPTS: Final = 3
_LIMIT_S: Final = 30.0
_POLL_S: Final = 1.0
_GPU: Final = "nvidia"


class DidNotStart(Failed):
    """The container was started, and does not run. Its log may say why."""


async def launch(shop: Workshop, job: Job, image: str) -> None:
    """Create the container, or take the one that is there and still fits; start it, see it run.

    A host port that somebody else took meanwhile is exchanged for another one, twice.

    Raises:
        DidNotStart: it ended at once, or did not come up within 30 s.
        EngineFailed: the engine refuses to create or start it.
        Failed: the app's files cannot be written, or no host port is free.
        BadRequest: the port rules cannot be read.
    """
    machine = await asyncio.to_thread(_facts_of, shop.host)
    for attempt in range(1, _ATTEMPTS + 1):
        seen = await shop.look(shop.names(job.wanted).container)
        spec = await _specify(shop, job, image, seen, machine)
        try:
            await _start(shop, await _create(shop, job, spec, seen))
            break
        except EngineFailed as error:
            taken = conflicting(str(error), shop.host_ports.assigned(job.app.id))
            if not taken or attempt == _ATTEMPTS:
                raise
            for key in taken:
                port = shop.host_ports.reassign(key)
                _log.info("host port exchanged", app=job.app.app_name, declared=key.port, now=port)
    await _wait_until_running(shop, shop.names(job.wanted).container)


@dataclass(frozen=True, slots=True)
class _Machine:
    gpu: bool
    lan_ip: str
    paths: tuple[str, ...]


def _facts_of(host: Host) -> _Machine:
    """Asks programs and files: not in the loop."""
    paths = tuple(path for path in OPTIONAL_PATHS if host.exists(path))
    return _Machine(host.has_gpu(), host.primary_ipv4(), paths)


async def _specify(
    shop: Workshop, job: Job, image: str, seen: ContainerSeen | None, machine: _Machine
) -> ContainerSpec:
    """Decide ports and environment, and write what the container mounts."""
    app, wanted = job.app, job.wanted
    rules = portrules.parse(wanted.ports)
    published = publish(shop.host_ports, app.id, rules, seen.bindings if seen else ())
    container = shop.names(wanted).container
    for notice in published.notices:
        await shop.logs.notice(container, notice)
    facts = Facts(machine.lan_ip, shop.learnt.base_url, shop.learnt.credential_key)
    lines = environment(wanted, shop.identity(), facts, published.bindings)
    data = shop.folders.data(app.stage, app.app_name)
    ignored = await asyncio.to_thread(_write, shop.folders.shared, data, lines)
    if ignored:
        await shop.logs.notice(container, f"Ignored environment names: {', '.join(ignored)}")
    return container_spec(
        app.id,
        app.app_name,
        image=image,
        environment=lines,
        shared=str(shop.folders.shared),
        data=str(data),
        bindings=published.bindings,
        host_paths=machine.paths,
        gpu=machine.gpu,
    )


def _write(shared: Path, data: Path, lines: list[str]) -> list[str]:
    try:
        shared.mkdir(parents=True, exist_ok=True)
        data.mkdir(parents=True, exist_ok=True)
        return envfiles.write_all(data / "env", lines)
    except OSError as error:
        raise Failed(f"the app's files cannot be written: {error}") from error


async def _create(
    shop: Workshop, job: Job, spec: ContainerSpec, seen: ContainerSeen | None
) -> ContainerSpec:
    """Make sure there is a container; returns what it was created with."""
    if seen is not None:
        if not outdated(seen, spec):
            return spec
        await shop.engine.remove(seen.id)
    try:
        await shop.engine.create(spec)
    except ImageNotFound:
        if job.app.stage == Stage.DEV:
            await shop.logs.notice(spec.name, f"There is no image {spec.image} on this device")
        raise
    except EngineFailed as error:
        if _GPU not in str(error):
            raise
        spec = replace(spec, runtime="")
        await shop.engine.create(spec)
    return spec


async def _start(shop: Workshop, spec: ContainerSpec) -> None:
    """Start it. What the engine has against it, ports and GPU aside, the wait finds out."""
    try:
        await shop.engine.start(spec.name)
    except ContainerNotFound as error:
        _log.warning("the container vanished", container=spec.name, error=error)
    except EngineFailed as error:
        if _GPU in str(error):
            await shop.engine.remove(spec.name)
            await shop.engine.create(replace(spec, runtime=""))
            await shop.engine.start(spec.name)
        elif is_port_conflict(str(error)):
            raise
        else:
            _log.warning("starting failed", container=spec.name, error=error)


async def _wait_until_running(shop: Workshop, container: str) -> None:
    started = shop.clock.monotonic()
    while True:
        seen = await shop.look(container)
        if seen is None:
            raise DidNotStart(f"{container} is gone")
        if seen.status == "running":
            return
        if seen.error:
            raise DidNotStart(f"{container} did not start: {seen.error}")
        if seen.status in {"exited", "dead"}:
            raise DidNotStart(f"{container} ended with exit code {seen.exit_code}")
        if shop.clock.monotonic() - started >= _LIMIT_S:
            raise DidNotStart(f"{container} is still {seen.status} after {_LIMIT_S:g} s")
        await shop.clock.sleep(_POLL_S)
