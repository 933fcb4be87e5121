"""What would be done for a target. Pure: what has to be found out comes in as `Facts`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reagent_build.errors import BuildError
from reagent_build.targets import DEBIAN, Target

FreezerName = Literal["static", "pyinstaller"]


class UnsupportedTargetError(BuildError):
    """No freezer at hand makes an executable for this target here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the plan depends on."""

    version: str
    commit: str
    machine: Target | None
    """What this machine is; None if it is no platform of ours."""
    engine: str | None
    """Version of the Docker engine; None if none answers."""
    engine_refusal: str
    """Why none answers."""
    output: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One executable to be made."""

    target: Target
    freezer: FreezerName
    reason: str
    version: str
    commit: str
    output: Path

    def __str__(self) -> str:
        return (
            f"{self.target}: reagent {self.version} ({self.commit[:12]}) -> {self.output}"
            f" by {self.freezer}, {self.reason}"
        )


def plan(targets: Iterable[Target], facts: Facts, wanted: FreezerName | None) -> tuple[Plan, ...]:
    """Decide for each target how it is made.

    Args:
        targets: what is to be made.
        facts: what was found out.
        wanted: the freezer that was asked for, if any.

    Raises:
        UnsupportedTargetError: one of them cannot be made here; the text says what would help.
    """
    return tuple(_plan(target, facts, wanted) for target in targets)


def _plan(target: Target, facts: Facts, wanted: FreezerName | None) -> Plan:
    freezer, reason = _choose(target, facts, wanted)
    return Plan(
        target=target,
        freezer=freezer,
        reason=reason,
        version=facts.version,
        commit=facts.commit,
        output=facts.output / target.file_name,
    )


def _choose(target: Target, facts: Facts, wanted: FreezerName | None) -> tuple[FreezerName, str]:
    native = target == facts.machine
    if wanted == "pyinstaller":
        if not native:
            raise UnsupportedTargetError(
                f"{target}: PyInstaller freezes for the machine it runs on alone"
                f" ({facts.machine or 'no platform of ours'})"
            )
        return "pyinstaller", "as asked"
    if target not in DEBIAN:
        if native:
            return "pyinstaller", "natively"
        raise UnsupportedTargetError(f"{target}: no cross-build container for it exists yet")
    if facts.engine is not None:
        return "static", f"in a container of Docker {facts.engine}"
    if wanted == "static" or not native:
        raise UnsupportedTargetError(
            f"{target}: needs a Docker engine, and {facts.engine_refusal};"
            " start one or pass --engine ADDRESS"
        )
    return "pyinstaller", f"natively, because {facts.engine_refusal}"
