"""Making room (docs/contract/wamp.md 4.20).

No command line is run: the engine is asked for the same things, and the answer reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reagent.api import wire
from reagent.api.procedure import procedure
from reagent.contracts.engine import Engine, Pruned
from reagent.errors import Unavailable
from reagent.model.call import Answer, Call, Privilege

# Five kinds of things, each of which may take the engine ten minutes.
_WITHIN_S: Final = 3600.0
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")


class Storage:
    """Throws away what no running container uses.

    Args:
        engine: has it.
        on_trial: this version is being tried; what it throws away no other version brings back.
    """

    def __init__(self, engine: Engine, *, on_trial: bool = False) -> None:
        self._engine = engine
        self._on_trial = on_trial

    @procedure("prune_images", needs=Privilege.MAINTAIN, within=_WITHIN_S)
    async def prune_images(self, call: Call) -> Answer:
        """Images without a name; with `all` everything unused, volumes too, and a report of it."""
        if self._on_trial:
            raise Unavailable("this version is on trial and throws nothing away: ask again later")
        everything = wire.first_object(call).get("all")
        if everything is None or not wire.truth(everything, "all"):
            await self._engine.prune_dangling()
            return Answer()
        return Answer((report(await self._engine.prune_unused()),))


def report(pruned: Pruned) -> str:
    """What was thrown away, as `docker system prune` prints it; the last line is the total."""
    return "".join([*_paragraphs(pruned), f"Total reclaimed space: {human(pruned.size)}\n"])


def human(size: int) -> str:
    """Four digits and a decimal unit: `0B`, `1.1GB`, `52.43MB`."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.4g}{_UNITS[unit]}"


def _paragraphs(pruned: Pruned) -> Iterator[str]:
    for title, names in (
        ("Deleted Containers", pruned.containers),
        ("Deleted Networks", pruned.networks),
        ("Deleted Volumes", pruned.volumes),
        ("Deleted Images", pruned.images),
        ("Deleted build cache objects", pruned.cache),
    ):
        if names:
            yield "\n".join([f"{title}:", *names, "", ""])
