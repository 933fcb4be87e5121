"""What the engine holds (docs/contract/wamp.md 4.4, 4.22)."""

from __future__ import annotations

from collections.abc import Mapping

from reagent.api.procedure import procedure
from reagent.contracts.engine import Engine
from reagent.model.call import Answer, Call, Privilege

_IMAGE_KEYS = {
    "created": "Created",
    "containers": "Containers",
    "sharedSize": "SharedSize",
    "virtualSize": "VirtualSize",
    "id": "Id",
    "labels": "Labels",
    "size": "Size",
    "repoTags": "RepoTags",
}


def image_dict(seen: Mapping[str, object]) -> dict[str, object]:
    """The wire's names for the engine's; what is zero or empty is left out."""
    return {ours: seen[theirs] for ours, theirs in _IMAGE_KEYS.items() if seen.get(theirs)}


class Images:
    """Serves the engine's lists as they are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @procedure("get_images", needs=Privilege.READ, within=5.0)
    async def get_images(self, _call: Call) -> Answer:
        """One positional argument per image."""
        images = await self._engine.list_images(within=2.0)
        return Answer(tuple(image_dict(each) for each in images))

    @procedure("list_containers", needs=Privilege.READ)
    async def list_containers(self, _call: Call) -> Answer:
        """One list of the engine's own summaries, stopped ones included."""
        return Answer((list(await self._engine.list_containers()),))
