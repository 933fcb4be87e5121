"""Throwing away what nobody uses, as the engine's command line does it, step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from reagent.adapters.docker.containers import mapping, sequence, text
from reagent.adapters.docker.errors import Refusal
from reagent.adapters.docker.wire import Query, Wire
from reagent.contracts.engine import Pruned

# An engine on a slow disk may delete for minutes.
STEP_S: Final = 600.0
_NOT_THERE: Final = 404


async def dangling(wire: Wire) -> None:
    """Images without a name; raises as `Wire.get`."""
    await _prune(wire, "images", {"filters": json.dumps({"dangling": ["true"]})})


async def unused(wire: Wire) -> Pruned:
    """Whatever no running container uses; raises as `Wire.get`.

    The order matters: a container that is gone holds no network, volume or image any more. Volumes
    are asked for without a filter, so each engine takes what its own command line would take.
    """
    containers = await _prune(wire, "containers")
    networks = await _prune(wire, "networks")
    volumes = await _prune(wire, "volumes")
    images = await _prune(wire, "images", {"filters": json.dumps({"dangling": ["false"]})})
    cache = await _cache(wire)
    return Pruned(
        containers=_names(containers, "ContainersDeleted"),
        networks=_names(networks, "NetworksDeleted"),
        volumes=_names(volumes, "VolumesDeleted"),
        images=tuple(
            f"{what.lower()}: {text(name)}"
            for record in sequence(images.get("ImagesDeleted"))
            for what, name in mapping(record).items()
        ),
        cache=_names(cache, "CachesDeleted"),
        size=sum(map(_size, (containers, volumes, images, cache))),
    )


async def _prune(wire: Wire, kind: str, query: Query | None = None) -> Mapping[str, object]:
    return mapping(await wire.post(kind, "prune", query=query, within=STEP_S))


async def _cache(wire: Wire) -> Mapping[str, object]:
    """Not every engine builds, and one that does not has no cache."""
    try:
        return await _prune(wire, "build", {"all": "1"})
    except Refusal as refusal:
        if refusal.status != _NOT_THERE:
            raise
        return {}


def _names(answer: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(map(text, sequence(answer.get(key))))


def _size(answer: Mapping[str, object]) -> int:
    size = answer.get("SpaceReclaimed")
    return size if isinstance(size, int) and size > 0 else 0
