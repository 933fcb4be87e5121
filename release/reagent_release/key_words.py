"""What a person types behind `nox -s keys --`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from reagent_build.targets import Target, UnknownTargetError
from reagent_release.errors import Misused
from reagent_release.keys import ONLINE, ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWords:
    """The arguments of one verb.

    Attributes:
        verb: show, init, rotate, renew, refresh, bundle.
        folder: init: where the keyring is made, else the one that is configured; bundle: where it
            is put.
        root_keys: init: how many root keys are made, where none are named.
        threshold: init: how many of them have to sign.
        given: URIs of keys that exist already, by role.
        role: rotate: whose keys are replaced.
        drop: rotate: names of the keys that go; by default all of an online role.
        encrypt: new files are encrypted with a passphrase.
        forget: refresh: sign for nothing that was signed for before.
        version: bundle: of what.
        target: bundle: for which devices.
    """

    verb: str = "show"
    dry_run: bool = False
    folder: str = ""
    root_keys: int = 3
    threshold: int = 0
    given: tuple[tuple[str, tuple[str, ...]], ...] = ()
    role: str = ""
    drop: tuple[str, ...] = ()
    encrypt: bool = False
    forget: bool = False
    version: str = ""
    target: Target | None = None

    def keys(self, role: str) -> tuple[str, ...]:
        """URIs of the keys that were given for a role."""
        return dict(self.given).get(role, ())


def parse(arguments: Sequence[str]) -> KeyWords:
    """Take them apart.

    Raises:
        Misused: something is no word of the verb.
    """
    found = _parser().parse_args(list(arguments) or ["show"])
    target = getattr(found, "target", "")
    given = {role: tuple(getattr(found, role, None) or ()) for role in ROLES}
    if found.verb == "rotate":
        given[found.of] = tuple(found.key)
    return KeyWords(
        verb=found.verb,
        dry_run=found.dry_run,
        folder=getattr(found, "folder", ""),
        root_keys=getattr(found, "root_keys", 0),
        threshold=getattr(found, "threshold", 0),
        given=tuple(given.items()),
        role=getattr(found, "of", ""),
        drop=tuple(getattr(found, "drop", ())),
        encrypt=getattr(found, "encrypt", False),
        forget=getattr(found, "forget", False),
        version=getattr(found, "version", ""),
        target=_target(target) if target else None,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Misused(message)


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False, allow_abbrev=False)
    common.add_argument("--dry-run", action="store_true")
    making = _Parser(add_help=False, allow_abbrev=False)
    making.add_argument("--encrypt", action="store_true")
    parser = _Parser(prog="keys", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=_Parser)
    verbs.add_parser("show", parents=[common], help="what there is, and what expires when")
    init = verbs.add_parser("init", parents=[common, making], help="make a keyring and root 1")
    init.add_argument("folder", nargs="?", default="")
    init.add_argument("--root-keys", type=int, default=3)
    init.add_argument("--threshold", type=int, default=0)
    for role in ROLES:
        init.add_argument(f"--{role}", action="append", metavar="URI")
    rotate = verbs.add_parser("rotate", parents=[common, making], help="replace keys of a role")
    rotate.add_argument("of", choices=ROLES, metavar=f"{{root,{','.join(ONLINE)}}}")
    rotate.add_argument("--drop", action="append", default=[], metavar="NAME")
    rotate.add_argument("--key", action="append", default=[], metavar="URI")
    verbs.add_parser("renew", parents=[common], help="the same keys, for ten more years")
    refresh = verbs.add_parser("refresh", parents=[common], help="sign the bucket anew")
    refresh.add_argument("--forget", action="store_true")
    bundle = verbs.add_parser("bundle", parents=[common], help="copy a version onto a stick")
    bundle.add_argument("version")
    bundle.add_argument("target", metavar="os/arch")
    bundle.add_argument("folder")
    return parser


def _target(word: str) -> Target:
    try:
        return Target.parse(word)
    except UnknownTargetError as error:
        raise Misused(str(error)) from error
