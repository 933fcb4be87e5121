"""What a person typed. nox hands arguments to every session named; each takes what is its own.

    nox -s build_all publish rollout -- production 1.2.3 --targets linux/amd64 --dry-run
    nox -s pause -- production

What belongs to none of them is refused by all of them: a mistyped --dry-run must not roll out.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from reagent_build.targets import Target, UnknownTargetError
from reagent_release.errors import Misused

COMMANDS: Final = ("build_all", "publish", "rollout", "pause", "resume", "rollback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The arguments, sorted by whose they are."""

    dry_run: bool = False
    """All: show the plan and stop."""
    release: tuple[Target, ...] = ()
    """All: --targets, what this release consists of; else every line of `targets`."""
    some: tuple[Target, ...] = ()
    """build_all, publish: bare os/arch words, what is made or uploaded this time."""
    building: tuple[str, ...] = ()
    """build_all: options of the build."""
    bare: tuple[str, ...] = ()
    """pause, resume, rollback: words that are no target."""
    edits: tuple[tuple[str, str], ...] = ()
    """rollout: environment and version."""
    curve: str = ""
    """rollout: a version goes through the fleet by and by."""
    critical: bool = False
    """rollout: on top of what everybody runs, at once."""
    after: frozenset[str] = frozenset()
    """A dry run: steps that will have been done before this one."""


def parse(arguments: Sequence[str], *, pairs: bool = True) -> Words:
    """Sort the arguments.

    Args:
        arguments: what was typed.
        pairs: bare words come in pairs of an environment and a version; else one may stand alone.

    Raises:
        Misused: something is no command's, or half of a pair.
    """
    parser = _Parser(prog="release", allow_abbrev=False, add_help=False)
    parser.add_argument("bare", nargs="*")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--targets", action="append", default=[])
    parser.add_argument("--curve", default="")
    parser.add_argument("--critical", action="store_true")
    parser.add_argument("--engine")
    parser.add_argument("--freezer")
    parser.add_argument("--after", action="append", default=[], choices=COMMANDS)
    found = parser.parse_intermixed_args(list(arguments))
    bare = [word for word in found.bare if "/" not in word]
    building = [
        word
        for option in ("engine", "freezer")
        if (value := getattr(found, option)) is not None
        for word in (f"--{option}", value)
    ]
    return Words(
        dry_run=found.dry_run,
        release=_targets(name for each in found.targets for name in each.split(",") if name),
        some=_targets(word for word in found.bare if "/" in word),
        building=tuple(building),
        bare=() if pairs else tuple(bare),
        edits=_pairs(bare) if pairs or len(bare) > 1 else (),
        curve=found.curve,
        critical=found.critical,
        after=frozenset(found.after),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Misused(message)


def _targets(names: Iterable[str]) -> tuple[Target, ...]:
    try:
        return tuple(dict.fromkeys(map(Target.parse, names)))
    except UnknownTargetError as error:
        raise Misused(str(error)) from error


def _pairs(words: list[str]) -> tuple[tuple[str, str], ...]:
    if len(words) % 2:
        raise Misused(
            f"{words[-1]!r}: an environment and a version come in pairs: production 1.2.3"
        )
    return tuple(zip(words[::2], words[1::2], strict=True))
