"""`python -m reagent_release COMMAND ...`: plan, print, then do.

build_all, publish, rollout; pause, resume, rollback; keys.
Run with PYTHONPATH=src:build:release. The words are those of nox, see `words`.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reagent_build.__main__ import main as build
from reagent_build.progress import shown
from reagent_build.targets import Target, UnknownTargetError, machine_target, read_targets
from reagent_release import (
    built,
    ceremony,
    deltas,
    keys,
    layout,
    publish,
    rollout,
    sign,
    signed_release,
    staged,
    versions,
)
from reagent_release.configured import Choice, choose, opened
from reagent_release.errors import Misused, ObjectMissing, Refused, ReleaseError
from reagent_release.record import Record
from reagent_release.sign import Signing
from reagent_release.steps import Step, carry_out, signed
from reagent_release.store import Bucket
from reagent_release.words import Words, parse

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_FAILED: Final = 1
_MISUSED: Final = 2
_INTERRUPTED: Final = 130
_KEYS: Final = "keys"
# They may be given one environment.
_ALONE: Final = ("pause", "resume", "rollback")


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, and what the commands find around it."""

    repository: Path
    environment: Mapping[str, str]
    machine: Target | None
    """What can be run here, if it is a platform of ours."""
    open: Callable[[Choice], Bucket] = opened
    now: Callable[[], float] = time.time

    @property
    def version_file(self) -> Path:
        """The one file the version stands in."""
        return self.repository / "src/reagent/version.txt"

    @property
    def version(self) -> str:
        """What is built and published.

        Raises:
            ReleaseError: the file cannot be read.
            Misused: it holds no version.
        """
        return versions.check(_text(self.version_file).strip())

    def targets(self, words: Words) -> tuple[Target, ...]:
        """What a release consists of.

        Raises:
            ReleaseError: `targets` cannot be read.
            Misused: it, or what was asked for, names no target.
        """
        try:
            lines = read_targets(self.repository / "targets")
        except OSError as error:
            raise ReleaseError(f"targets cannot be read: {error}") from error
        except UnknownTargetError as error:
            raise Misused(f"targets: {error}") from error
        for each in words.release:
            if each not in lines:
                raise Misused(f"{each} is no line of `targets`")
        return words.release or lines


def main(arguments: Sequence[str] | None = None, place: Place | None = None) -> int:
    """Exit status: 0 done or shown, 1 failed or refused, 2 misused, 130 interrupted."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ("",)
    if command not in (*_COMMANDS, _KEYS):
        print(f"{command!r} is none of {', '.join(_COMMANDS)}", file=sys.stderr)
        return _MISUSED
    try:
        place = place or Place(REPOSITORY, os.environ, _machine())
        if command == _KEYS:
            return _keys(rest, place)
        return _COMMANDS[command](parse(rest, pairs=command not in _ALONE), place)
    except Misused as error:
        print(f"{command}: {error}", file=sys.stderr)
        return _MISUSED
    except ReleaseError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print(f"{command}: interrupted; the same command goes on from here", file=sys.stderr)
        return _INTERRUPTED


def _build_all(words: Words, place: Place) -> int:
    place.targets(words)
    named = dict.fromkeys((*words.some, *words.release))
    what = [str(each) for each in named] or ["--all"]
    return build([*what, *words.building, *(["--dry-run"] if words.dry_run else [])])


def _publish(words: Words, place: Place) -> int:
    version = place.version
    every = place.targets(words)
    named = tuple(dict.fromkeys((*words.some, *words.release)))
    folder = place.repository / "build/out"
    facts = publish.Facts(
        version=version,
        found=[built.look(each, version, folder, place.machine) for each in named or every],
        remote={},
        version_file=_text(place.version_file).encode(),
        named=bool(named),
        builds_first=words.dry_run and "build_all" in words.after,
    )
    bucket, choice = _bucket(place)
    signing = _signing(place, bucket)
    facts = replace(facts, deltas=_deltas(facts, bucket, place))
    facts = replace(facts, metadata=signed_release.of_publication(signing, facts, bucket))
    plan = publish.plan(replace(facts, remote=publish.gather(bucket, facts)))
    print(f"publish reagent {version} to {bucket.address} ({choice.reason})\n{plan}", flush=True)
    _note(signed_release.notes(signing, plan.steps))
    if not words.dry_run:
        _execute("publish", {"version": version}, plan.steps, bucket, place)
        print(f"reagent {version} is published; nox -s rollout points devices at it")
    return 0


def _rollout(words: Words, place: Place) -> int:
    if words.curve or words.critical:
        return _steer(
            "rollout",
            words,
            place,
            lambda signing, bucket: staged.begin(
                words, signing, bucket, place.targets(words), place.now()
            ),
        )
    return _roll_out(words, place, {})


def _steering(command: str) -> Callable[[Words, Place], int]:
    return lambda words, place: _steer(
        command,
        words,
        place,
        lambda signing, bucket: staged.steer(command, words.bare, signing, bucket, place.now()),
    )


def _roll_back(words: Words, place: Place) -> int:
    """What is on its way is taken back; with a version, what everybody runs is."""
    if not words.edits:
        return _steering("rollback")(words, place)
    bucket, _ = _bucket(place)
    if _signing(place, bucket) is None:
        raise Refused("only signed devices go down by order, and no keyring is named")
    published = versions.read((_content(bucket, layout.MANIFEST) or b"{}").decode())
    back = {name: published[name] for name, _ in words.edits if name in published}
    return _roll_out(words, place, back)


def _steer(
    command: str,
    words: Words,
    place: Place,
    planned: Callable[[Signing | None, Bucket], staged.Plan],
) -> int:
    bucket, choice = _bucket(place)
    signing = _signing(place, bucket)
    made = planned(signing, bucket)
    print(f"{command} on {bucket.address} ({choice.reason})\n{made}", flush=True)
    _note(signed_release.notes(signing, made.steps))
    if not words.dry_run:
        _execute(command, {"says": list(made.says)}, made.steps, bucket, place)
        print("signed; devices notice at their next look, within six hours and a bit")
    return 0


def _roll_out(words: Words, place: Place, back: Mapping[str, str]) -> int:
    path = place.repository / layout.MANIFEST
    targets = place.targets(words)
    bucket, choice = _bucket(place)
    decision = rollout.decide(path, _text(path), words.edits, _content(bucket, layout.MANIFEST))
    presence, aliases, remote = rollout.gather(bucket, decision, targets)
    signing, first = _signing(place, bucket), _published_first(words, place, targets)
    plan = rollout.plan(
        rollout.Facts(
            decision=decision,
            targets=targets,
            presence=presence,
            aliases=aliases,
            remote=remote,
            version_file=_text(place.version_file).encode(),
            metadata=signed_release.of_rollout(
                signing, decision, targets, bucket, published_first=first, back=back
            ),
            published_first=first,
        )
    )
    print(f"roll out {path.name} to {bucket.address} ({choice.reason})\n{plan}", flush=True)
    _note(signed_release.notes(signing, plan.steps))
    if not words.dry_run:
        moves = {each.environment: [each.before, each.after] for each in decision.changes}
        _execute("rollout", {"environments": moves}, plan.steps, bucket, place)
        print(
            f"{layout.MANIFEST} is published: {', '.join(map(': '.join, decision.after.items()))}"
        )
    return 0


def _keys(arguments: Sequence[str], place: Place) -> int:
    return ceremony.run(
        arguments,
        ceremony.Where(
            repository=place.repository,
            environment=place.environment,
            bucket=lambda: _bucket(place)[0],
            now=place.now(),
            execute=lambda what, steps, bucket: _execute("keys", what, steps, bucket, place),
        ),
    )


_COMMANDS: Final[Mapping[str, Callable[[Words, Place], int]]] = {
    "build_all": _build_all,
    "publish": _publish,
    "rollout": _rollout,
    "pause": _steering("pause"),
    "resume": _steering("resume"),
    "rollback": _roll_back,
}


def _published_first(
    words: Words, place: Place, targets: tuple[Target, ...]
) -> frozenset[tuple[str, Target]]:
    """What `publish`, had it not been a dry run as well, would have put there by now."""
    if not words.dry_run or "publish" not in words.after:
        return frozenset()
    version = place.version
    named = (*words.some, *words.release) or targets
    if "build_all" in words.after:
        return frozenset((version, each) for each in named)
    folder = place.repository / "build/out"
    found = [built.look(each, version, folder, place.machine) for each in named]
    return frozenset((version, each.target) for each in found if isinstance(each, built.Built))


def _deltas(facts: publish.Facts, bucket: Bucket, place: Place) -> tuple[deltas.Delta, ...]:
    """What makes this version out of those that environments are pointed at."""
    content = _content(bucket, layout.MANIFEST)
    try:
        known = versions.read((content or b"{}").decode())
    except (versions.BrokenVersions, UnicodeDecodeError):
        return ()
    whole = [each for each in facts.found if isinstance(each, built.Built)]
    with shown() as progress:
        return deltas.make(
            whole,
            facts.version,
            known.values(),
            bucket,
            folder=place.repository / "release/out/deltas",
            progress=progress,
        )


def _signing(place: Place, bucket: Bucket) -> Signing | None:
    keyring = keys.configured(place.repository, place.environment)
    return sign.opened(keyring, bucket, place.now())


def _note(notes: Sequence[str]) -> None:
    for each in notes:
        print(f"  note: {each}", flush=True)


def _execute(
    command: str, what: Mapping[str, object], steps: Sequence[Step], bucket: Bucket, place: Place
) -> None:
    steps = signed(steps)
    record = Record(
        place.repository / "release/out",
        command,
        {"bucket": bucket.address, **what},
        steps,
        place.now(),
    )
    try:
        with shown() as progress:
            carry_out(steps, bucket, progress)
    except BaseException as error:
        record.end(f"broke off: {type(error).__name__}: {error}")
        raise
    record.end("done")


def _bucket(place: Place) -> tuple[Bucket, Choice]:
    choice = choose(place.repository, place.environment)
    return place.open(choice), choice


def _content(bucket: Bucket, name: str) -> bytes | None:
    try:
        return bucket.get(name)[1]
    except ObjectMissing:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{path} cannot be read: {error}") from error


def _machine() -> Target | None:
    try:
        return machine_target(sys.platform, platform.machine())
    except UnknownTargetError:
        return None


if __name__ == "__main__":
    sys.exit(main())
