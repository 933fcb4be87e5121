"""`python -m reagent_build linux/amd64`: plan, print, then do. Run with PYTHONPATH=build."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from reagent_build.checks import check
from reagent_build.checksum import put
from reagent_build.container import Docker
from reagent_build.errors import BuildError, EngineUnreachableError
from reagent_build.freezers import Workshop, freezer, freezers
from reagent_build.plan import Facts, Plan, plan
from reagent_build.progress import shown
from reagent_build.roots import chosen
from reagent_build.sbom_papers import discard, papers
from reagent_build.targets import (
    PLATFORMS,
    FreezerName,
    Target,
    UnknownTargetError,
    check_known,
    machine_target,
    read_targets,
)

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_FAILED: Final = 1
_MISUSED: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 built or shown, 1 failed, 2 misused."""
    options = _parser().parse_args(arguments)
    try:
        targets = _targets(options.targets, all_of_them=options.all)
        docker = Docker(options.engine)
        check_known(targets)
        facts = _facts(
            docker,
            needs_engine=options.freezer not in {"pyinstaller", "nuitka"},
            checked=not options.unchecked,
        )
        plans = plan(targets, facts, options.freezer)
        _hold_to(options.engine, options.freezer, facts)
        for one in plans:
            print(one, flush=True)
        if not options.dry_run:
            for one in plans:
                _make(one, docker)
    except UnknownTargetError as error:
        print(f"reagent_build: {error}", file=sys.stderr)
        return _MISUSED
    except BuildError as error:
        print(f"reagent_build: {error}", file=sys.stderr)
        return _FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reagent_build",
        description="Build the executable of each target into build/out, its checksum beside it.",
    )
    parser.add_argument("targets", nargs="*", metavar="os/arch", help="default: this machine's")
    parser.add_argument("--all", action="store_true", help="every line of the file `targets`")
    parser.add_argument(
        "--engine",
        metavar="ADDRESS",
        help="Docker engine; default: DOCKER_HOST, else the usual one",
    )
    parser.add_argument(
        "--freezer", choices=get_args(FreezerName), help="default: what the target is made by"
    )
    parser.add_argument(
        "--unchecked", action="store_true", help="do not run what is for another machine"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    return parser


def _targets(names: list[str], *, all_of_them: bool) -> tuple[Target, ...]:
    if all_of_them:
        return read_targets(REPOSITORY / "targets")
    if names:
        return tuple(map(Target.parse, names))
    return (machine_target(sys.platform, platform.machine()),)


def _facts(docker: Docker, *, needs_engine: bool, checked: bool) -> Facts:
    engine, refusal = None, "none was asked for"
    if needs_engine:
        try:
            engine = docker.check()
        except EngineUnreachableError as error:
            refusal = str(error)
    try:
        machine = machine_target(sys.platform, platform.machine())
    except UnknownTargetError:
        machine = None
    return Facts(
        version=(REPOSITORY / "src/reagent/version.txt").read_text().strip(),
        commit=_commit(),
        machine=machine,
        engine=engine,
        engine_refusal=refusal,
        freezers=freezers(),
        emulators=frozenset(
            each.emulator[0]
            for each in PLATFORMS.values()
            if each.emulator and shutil.which(each.emulator[0])
        ),
        checked=checked,
        output=REPOSITORY / "build/out",
        roots=chosen(REPOSITORY, os.environ),
    )


def _hold_to(named: str | None, freezer: str | None, facts: Facts) -> None:
    """Who names an engine does not want what is made without one."""
    if named and freezer is None and facts.engine is None:
        raise BuildError(f"{facts.engine_refusal}; without --engine PyInstaller is used")


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _make(one: Plan, docker: Docker) -> None:
    one.output.parent.mkdir(parents=True, exist_ok=True)
    partial = one.output.with_name(f".{one.output.name}.{os.getpid()}")
    with shown() as progress:
        workshop = Workshop(
            repository=REPOSITORY,
            cache=REPOSITORY / ".cache/build",
            docker=docker,
            progress=progress,
        )
        try:
            freezer(one.freezer)(one, workshop, partial)
            partial.chmod(0o755)
            if one.runner is not None:
                progress.step(f"check the executable ({one.run})")
                check(one, partial)
            with papers(one, partial, REPOSITORY, progress.say):
                digest = put(partial, one.output)
        finally:
            partial.unlink(missing_ok=True)
            discard(partial)
    size = one.output.stat().st_size
    print(f"{one.output} {size / 1e6:.1f} MB sha256 {digest} ({one.run})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
