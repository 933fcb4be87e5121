"""How an executable is made: one file each, with a function `freeze`.

What the host can run, itself or with qemu, is checked behind `freeze` (reagent_build/checks.py). A
freezer for another platform runs what it made where it can, in its container, before it returns.
Beside `freeze` it may have a function `image`, which names the image that it works in: once another
one takes its place, executables are made anew (reagent_build/made.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, cast, get_args

from reagent_build.container import Docker
from reagent_build.plan import Plan
from reagent_build.progress import Progress
from reagent_build.targets import FreezerName


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where a build works."""

    repository: Path
    cache: Path
    docker: Docker
    progress: Progress


class Freezer(Protocol):
    """One way to make an executable."""

    def __call__(self, plan: Plan, workshop: Workshop, partial: Path) -> None:
        """Make it at `partial`, and note what is in it (reagent_build/sbom_facts.py).

        Raises:
            BuildError: with what is missing or what a tool said.
        """


# Looked up when wanted: a build for one platform does not stand on what another needs.
_FILES: Final[Mapping[FreezerName, str]] = MappingProxyType(
    {name: f"{__name__}.{name}" for name in get_args(FreezerName)}
)


def freezers() -> frozenset[FreezerName]:
    """Those that there are."""
    return frozenset(name for name, file in _FILES.items() if find_spec(file) is not None)


def freezer(name: FreezerName) -> Freezer:
    """The one of that name: what its file calls `freeze`."""
    return cast("Freezer", import_module(_FILES[name]).freeze)


def image(plan: Plan, workshop: Workshop) -> str:
    """What the freezer works in, if it has a function that says so; empty: it is not there yet."""
    named = getattr(import_module(_FILES[plan.freezer]), "image", None)
    return cast("str", named(plan, workshop)) if named else ""
