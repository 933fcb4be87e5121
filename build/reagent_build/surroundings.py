"""What the plan has to know of this machine: found out here, once, and decided by nobody here."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from reagent_build.container import Docker
from reagent_build.errors import EngineUnreachableError
from reagent_build.freezers import freezers
from reagent_build.plan import Facts
from reagent_build.roots import chosen
from reagent_build.signing import Signing
from reagent_build.targets import PLATFORMS, Target, UnknownTargetError, machine_target


def facts(
    repository: Path,
    docker: Docker,
    *,
    needs_engine: bool,
    checked: bool,
    signing: Signing | None = None,
) -> Facts:
    """All of it.

    Raises:
        BuildError: a root of trust is named and is not there.
    """
    engine, refusal = None, "none was asked for"
    if needs_engine:
        try:
            engine = docker.check()
        except EngineUnreachableError as error:
            refusal = str(error)
    return Facts(
        version=(repository / "src/reagent/version.txt").read_text().strip(),
        commit=_commit(repository),
        machine=_machine(),
        engine=engine,
        engine_refusal=refusal,
        freezers=freezers(),
        emulators=frozenset(
            each.emulator[0]
            for each in PLATFORMS.values()
            if each.emulator and shutil.which(each.emulator[0])
        ),
        checked=checked,
        output=repository / "build/out",
        roots=chosen(repository, os.environ),
        signing=signing,
    )


def _machine() -> Target | None:
    try:
        return machine_target(sys.platform, platform.machine())
    except UnknownTargetError:
        return None


def _commit(repository: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
