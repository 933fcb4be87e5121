"""What would be done for a target. Pure: what has to be found out comes in as `Facts`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.errors import BuildError
from reagent_build.roots import Root
from reagent_build.signing import Signing
from reagent_build.targets import PLATFORMS, FreezerName, Target, check_known


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
    freezers: frozenset[FreezerName]
    """Those that there are."""
    emulators: frozenset[str]
    """Those of the programs in the table of platforms that are installed."""
    checked: bool = True
    """Whether what another machine is for has to be run here."""
    output: Path
    roots: tuple[Root, ...] = ()
    """What the executables trust."""
    signing: Signing | None = None
    """With what those for Windows are signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One executable to be made."""

    target: Target
    freezer: FreezerName
    reason: str
    version: str
    commit: str
    output: Path
    runner: tuple[str, ...] | None
    """What is written before the executable to run it here; None: it is not run by the host."""
    roots: tuple[Root, ...] = ()
    """What the executable trusts; nothing: it goes by a plain bucket."""
    signing: Signing | None = None
    """With what it is signed, where its system looks for that."""

    @property
    def run(self) -> str:
        """How it is run before it gets its name."""
        if self.runner is None:
            own = PLATFORMS[self.target]
            return "built, not run" if own.emulator else own.run
        return PLATFORMS[self.target].run if self.runner else "native"

    @property
    def trust(self) -> str:
        """Whom its devices will believe."""
        return f"trusts root {self.roots[-1].version}" if self.roots else "unsigned"

    def __str__(self) -> str:
        authenticode = ""
        if self.target.os == "windows":
            authenticode = f"; Authenticode: {self.signing or 'none, no certificate was given'}"
        return (
            f"{self.target}: reagent {self.version} ({self.commit[:12]}) -> {self.output}"
            f" by {self.freezer}, {self.reason}; {self.run}; {self.trust}{authenticode}"
        )


def plan(targets: Iterable[Target], facts: Facts, wanted: FreezerName | None) -> tuple[Plan, ...]:
    """Decide for each target how it is made.

    Args:
        targets: what is to be made.
        facts: what was found out.
        wanted: the freezer that was asked for, if any.

    Raises:
        UnknownTargetError: one of them cannot be built anywhere.
        UnsupportedTargetError: one of them cannot be made here; the text says what would help.
    """
    every = tuple(dict.fromkeys(targets))
    check_known(every)
    return tuple(_plan(target, facts, wanted) for target in every)


def _plan(target: Target, facts: Facts, wanted: FreezerName | None) -> Plan:
    freezer, reason = _choose(target, facts, wanted)
    if freezer not in facts.freezers:
        raise UnsupportedTargetError(
            f"{target}: is made by {freezer}, and build/reagent_build/freezers/{freezer}.py"
            " does not exist"
        )
    return Plan(
        target=target,
        freezer=freezer,
        reason=reason,
        version=facts.version,
        commit=facts.commit,
        output=facts.output / target.file_name,
        runner=_runner(target, facts),
        roots=facts.roots,
        signing=facts.signing if target.os == "windows" else None,
    )


# Made on the machine that they are for, out of what is installed there.
_NATIVE: Final[Collection[FreezerName]] = ("pyinstaller", "nuitka")


def _choose(target: Target, facts: Facts, wanted: FreezerName | None) -> tuple[FreezerName, str]:
    usual = PLATFORMS[target].freezer
    native = target == facts.machine
    if wanted is not None and wanted in _NATIVE:
        if not native:
            raise UnsupportedTargetError(
                f"{target}: {wanted} freezes for the machine it runs on alone"
                f" ({facts.machine or 'no platform of ours'})"
            )
        return wanted, "as asked"
    if wanted is not None and wanted != usual:
        raise UnsupportedTargetError(f"{target}: is made by {usual}, not by {wanted}")
    if facts.engine is not None:
        return usual, f"in a container of Docker {facts.engine}"
    if wanted is not None or not native:
        raise UnsupportedTargetError(
            f"{target}: needs a Docker engine, and {facts.engine_refusal};"
            " start one or pass --engine ADDRESS"
        )
    return "pyinstaller", f"natively, because {facts.engine_refusal}"


def _runner(target: Target, facts: Facts) -> tuple[str, ...] | None:
    emulator = PLATFORMS[target].emulator
    if target == facts.machine:
        return ()
    if not emulator or not facts.checked:
        return None
    if emulator[0] not in facts.emulators:
        raise UnsupportedTargetError(
            f"{target}: is run before it gets its name, and {emulator[0]} is not installed"
            " (Debian: apt-get install qemu-user-static); --unchecked does without"
        )
    return emulator
