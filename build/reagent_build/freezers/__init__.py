"""How an executable is made, one file each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reagent_build.container import Docker
from reagent_build.plan import FreezerName, Plan
from reagent_build.progress import Progress


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
        """Make it at `partial`.

        Raises:
            BuildError: with what is missing or what a tool said.
        """


def freezers() -> Mapping[FreezerName, Freezer]:
    """All of them by name."""
    from reagent_build.freezers import pyinstaller, static  # noqa: PLC0415 - they import this

    return {"static": static.freeze, "pyinstaller": pyinstaller.freeze}
