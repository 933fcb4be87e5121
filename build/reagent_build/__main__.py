"""`python -m reagent_build linux/amd64`: plan, print, then do. Run with PYTHONPATH=build."""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from reagent_build.board import board
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.made import tree
from reagent_build.make import Outcome, Shop, make_all
from reagent_build.plan import Facts, Plan, plan
from reagent_build.signing import chosen
from reagent_build.surroundings import facts
from reagent_build.targets import (
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
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 built or shown, 1 failed, 2 misused, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        targets = _targets(options.targets, all_of_them=options.all)
        docker = Docker(options.engine)
        check_known(targets)
        found = facts(
            REPOSITORY,
            docker,
            needs_engine=options.freezer not in {"pyinstaller", "nuitka"},
            checked=not options.unchecked,
            signing=chosen(options.sign_cert, options.sign_key, os.environ),
        )
        plans = plan(targets, found, options.freezer)
        _hold_to(options.engine, options.freezer, found)
        for one in plans:
            print(one, flush=True)
        if options.dry_run:
            return 0
        return _make(plans, docker, anew=options.anew, at_once=options.jobs)
    except UnknownTargetError as error:
        print(f"reagent_build: {error}", file=sys.stderr)
        return _MISUSED
    except BuildError as error:
        print(f"reagent_build: {error}", file=sys.stderr)
        return _FAILED
    except OSError as error:
        print(f"reagent_build: {error.strerror}: {error.filename}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("reagent_build: interrupted; nothing half-made is left", file=sys.stderr)
        return _INTERRUPTED


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
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_number,
        default=os.cpu_count() or 1,
        help="targets at a time; default: one for each processor",
    )
    parser.add_argument(
        "--anew", action="store_true", help="make again what is there and has not changed"
    )
    parser.add_argument(
        "--sign-cert", metavar="FILE", help="sign the executable for Windows: PEM chain or PKCS#12"
    )
    parser.add_argument("--sign-key", metavar="FILE", help="its key, PEM, where it is not inside")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    return parser


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of targets")
    return int(text)


def _targets(names: list[str], *, all_of_them: bool) -> tuple[Target, ...]:
    if all_of_them:
        return read_targets(REPOSITORY / "targets")
    if names:
        return tuple(map(Target.parse, names))
    return (machine_target(sys.platform, platform.machine()),)


def _hold_to(named: str | None, freezer: str | None, facts: Facts) -> None:
    """Who names an engine does not want what is made without one."""
    if named and freezer is None and facts.engine is None:
        raise BuildError(f"{facts.engine_refusal}; without --engine PyInstaller is used")


def _make(plans: Sequence[Plan], docker: Docker, *, anew: bool, at_once: int) -> int:
    shop = Shop(
        repository=REPOSITORY,
        cache=REPOSITORY / ".cache/build",
        docker=docker,
        tree=tree(REPOSITORY),
        anew=anew,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with board() as shown:
        outcomes = make_all(plans, shop, shown, at_once)
    if len(outcomes) > 1:
        print(*map(_line, outcomes), sep="\n", flush=True)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in failed:
        print(f"reagent_build: {outcome.plan.target}: {_short(outcome.said)}", file=sys.stderr)
    return _FAILED if failed else 0


def _short(said: str) -> str:
    """What a tool said at length is above; its last line is most often the one that tells."""
    first, *more = said.splitlines()
    return f"{first} {more[-1].strip()}" if more else first


def _line(outcome: Outcome) -> str:
    said = outcome.said.splitlines()[0] if outcome.ok else "FAILED"
    return f"{outcome.plan.target!s:<14} {outcome.seconds:6.1f} s  {said}"


if __name__ == "__main__":
    sys.exit(main())
